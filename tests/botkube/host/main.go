// A host of plugins as an agent of Botkube 1.14 is one: its executor client on the real
// go-plugin, with its settings. Tests tell it on standard input what to do, one JSON object
// per line, and read what came of it, one JSON object per line; questions run side by side.
//
//	host PROGRAM [ARGUMENT…]
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/kubeshop/botkube/pkg/api"
	"github.com/kubeshop/botkube/pkg/api/executor"
)

type wish struct {
	ID      int      `json:"id"`
	Do      string   `json:"do"`
	Command string   `json:"command"`
	Repeat  int      `json:"repeat"` // the command is followed by that many bytes
	Configs []string `json:"configs"`
	Env     []string `json:"env"`
	Cookie  string   `json:"cookie"`
	User    string   `json:"user"` // <@U1> when empty
	Kube    string   `json:"kube"` // a kubeconfig
	Text    bool     `json:"text"` // no buttons, as in Mattermost
}

type result struct {
	ID      int     `json:"id"`
	Error   string  `json:"error,omitempty"`
	Seconds float64 `json:"seconds"`
	Value   any     `json:"value,omitempty"`
}

type host struct {
	program []string
	client  *plugin.Client
	rpc     plugin.ClientProtocol
	remote  executor.Executor
}

func (h *host) start(w wish) (any, error) {
	command := exec.Command(h.program[0], h.program[1:]...)
	command.Env = append([]string{"PLUGIN_DEPENDENCY_DIR=" + h.program[0] + "_deps"}, os.Environ()...)
	command.Env = append(command.Env, w.Env...)
	cookie := api.HandshakeConfig.MagicCookieValue
	if w.Cookie != "" {
		cookie = w.Cookie
	}
	h.client = plugin.NewClient(&plugin.ClientConfig{
		Plugins:          map[string]plugin.Plugin{"executor": &executor.Plugin{}},
		Cmd:              command,
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		HandshakeConfig: plugin.HandshakeConfig{
			ProtocolVersion:  executor.ProtocolVersion,
			MagicCookieKey:   api.HandshakeConfig.MagicCookieKey,
			MagicCookieValue: cookie,
		},
		Logger:     hclog.New(&hclog.LoggerOptions{Level: hclog.Debug, Output: os.Stderr, JSONFormat: true}),
		SyncStdout: os.Stderr,
		SyncStderr: os.Stderr,
	})
	var err error
	if h.rpc, err = h.client.Client(); err != nil {
		return nil, err
	}
	raw, err := h.rpc.Dispense("executor")
	if err != nil {
		return nil, err
	}
	h.remote = raw.(executor.Executor)
	return map[string]any{
		"pid":    h.client.ReattachConfig().Pid,
		"socket": h.client.ReattachConfig().Addr.String(),
	}, nil
}

func (w wish) user() string {
	if w.User == "" {
		return "<@U1>"
	}
	return w.User
}

func (h *host) execute(w wish) (any, error) {
	var configs []*executor.Config
	for _, text := range w.Configs {
		configs = append(configs, &executor.Config{RawYAML: []byte(text)})
	}
	out, err := h.remote.Execute(context.Background(), executor.ExecuteInput{
		Command: w.Command + strings.Repeat("x", w.Repeat),
		Configs: configs,
		Context: executor.ExecuteInputContext{
			IsInteractivitySupported: !w.Text,
			KubeConfig:               []byte(w.Kube),
			Message:                  executor.Message{User: executor.User{Mention: w.user(), DisplayName: "Ada"}},
		},
	})
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"message": out.Message, "empty": out.Message.IsEmpty(), "more": len(out.Messages),
	}, nil
}

func (h *host) do(w wish) (any, error) {
	switch w.Do {
	case "start":
		return h.start(w)
	case "metadata":
		out, err := h.remote.Metadata(context.Background())
		if err == nil {
			err = out.Validate()
		}
		return out, err
	case "help":
		return h.remote.Help(context.Background())
	case "execute":
		return h.execute(w)
	case "ping":
		return nil, h.rpc.Ping()
	case "kill":
		h.client.Kill()
		return map[string]any{"exited": h.client.Exited()}, nil
	}
	return nil, fmt.Errorf("what is %q?", w.Do)
}

func main() {
	h := &host{program: os.Args[1:]}
	var writing sync.Mutex
	answers := json.NewEncoder(os.Stdout)
	perform := func(w wish) {
		begun := time.Now()
		value, err := h.do(w)
		r := result{ID: w.ID, Seconds: time.Since(begun).Seconds(), Value: value}
		if err != nil {
			r.Error = err.Error()
		}
		writing.Lock()
		defer writing.Unlock()
		if err := answers.Encode(r); err != nil {
			panic(err)
		}
	}
	lines := bufio.NewReader(os.Stdin)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			break
		}
		var w wish
		if err := json.Unmarshal(line, &w); err != nil {
			panic(err)
		}
		if w.Do == "start" || w.Do == "kill" {
			perform(w)
		} else {
			go perform(w)
		}
	}
	if h.client != nil {
		h.client.Kill()
	}
}
