// Renders Kustomize overlays with the library inside kubectl, and judges every pod in them by the
// restricted Pod Security Standard with the code that the Kubernetes API server runs.
//
//	manifests DIRECTORY…        one JSON object per overlay: its documents and what is wrong
//	manifests -text DIRECTORY   its documents as text, comments included (make manifests)
//
// Called by tests/deploy and the Makefile; it talks to no cluster.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

type overlay struct {
	Directory string   `json:"directory"`
	Text      string   `json:"text"`
	Problems  []string `json:"problems"`
}

func main() {
	log.SetFlags(0)
	arguments := os.Args[1:]
	if len(arguments) == 2 && arguments[0] == "-text" {
		text, err := commented(render(arguments[1]))
		stopOn(err)
		fmt.Print(text)
		return
	}
	for _, directory := range arguments {
		rendered := render(directory)
		text, err := rendered.AsYaml()
		stopOn(err)
		problems, err := judge(rendered)
		stopOn(err)
		line, err := json.Marshal(overlay{directory, string(text), problems})
		stopOn(err)
		fmt.Println(string(line))
	}
}

func stopOn(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func render(directory string) resmap.ResMap {
	rendered, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).
		Run(filesys.MakeFsOnDisk(), directory)
	if err != nil {
		log.Fatalf("%s: %v", directory, err)
	}
	return rendered
}

// commented keeps comments and the order of keys, which the usual output drops.
func commented(rendered resmap.ResMap) (string, error) {
	var texts []string
	for _, resource := range rendered.Resources() {
		text, err := resource.RNode.String()
		if err != nil {
			return "", err
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, "---\n"), nil
}

// judge decodes strictly, so a field that Kubernetes does not know is a problem, too.
func judge(rendered resmap.ResMap) ([]string, error) {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks())
	if err != nil {
		return nil, err
	}
	restricted := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	problems := []string{}
	for _, resource := range rendered.Resources() {
		if resource.GetKind() != "Deployment" {
			continue
		}
		text, err := resource.AsYAML()
		if err != nil {
			return nil, err
		}
		var deployment appsv1.Deployment
		if err := yaml.UnmarshalStrict(text, &deployment); err != nil {
			problems = append(problems, err.Error())
			continue
		}
		template := deployment.Spec.Template
		for _, result := range evaluator.EvaluatePod(restricted, &template.ObjectMeta, &template.Spec) {
			if !result.Allowed {
				problems = append(problems, result.ForbiddenReason+": "+result.ForbiddenDetail)
			}
		}
	}
	return problems, nil
}
