"""The resource API of a scripted Keptn: what it stores, and how each version answers.

`scripted_keptn` puts it behind HTTP. Written from Keptn's documented behaviour: paths,
encodings, texts of errors, paging, what can be listed and read at a commit.
"""

import base64
import hashlib
import json
from urllib.parse import parse_qs, quote, unquote, unquote_plus

DEFAULT = "main"
VERSIONS = ("0.6", "0.7", "0.8", "0.13", "0.16", "1.4")
NGINX = b"<html><head><title>404 Not Found</title></head><body>nginx</body></html>"


class Store:
    """Projects, their branches, and every commit of them."""

    def __init__(self):
        self.branches = {}
        self.commits = {}

    def commit(self, project, branch, files):
        """Add *files* (None removes one) to a branch; return the id of the commit."""
        known = self.branches.setdefault(project, {})
        base = known.get(branch) or ({} if branch == DEFAULT else known.get(DEFAULT, ""))
        tree = dict(self.commits.get(base, {})) if isinstance(base, str) else {}
        for path, content in files.items():
            tree[path] = content
            if content is None:
                del tree[path]
        number = f"{project} {branch} {len(self.commits)}"
        id_ = hashlib.sha1(number.encode()).hexdigest()
        known[branch] = id_
        self.commits[id_] = tree
        return id_


class ResourceApi:
    """Answers GETs as the Keptn of *version*; a test changes the attributes."""

    def __init__(self, store, version="1.4", access="direct"):
        self.store = store
        self.version = version
        self.access = access
        self.leading_slash = False
        self.versions_in_lists = True
        self.damaged = ""
        """Path of a file whose base64 is sent with a letter that is none."""

    @property
    def number(self):
        return tuple(int(part) for part in self.version.split("."))

    @property
    def new(self):
        """Whether it is the resource-service."""
        return self.number >= (0, 16)

    def answer(self, raw):
        """Return status, content type and body for a raw path with its query."""
        path, _, query = raw.partition("?")
        forwarded = getattr(self, f"_through_{self.access}")(path)
        if not isinstance(forwarded, str):
            return forwarded
        return self._served(forwarded, parse_qs(query, keep_blank_values=True))

    def _through_direct(self, path):
        return path

    def _through_gateway(self, path):
        """A web server that decodes the path, cuts off the prefix and encodes it again."""
        service = "resource-service" if self.number >= (0, 18) else "configuration-service"
        prefix = f"/api/{service}/"
        decoded = unquote(path)
        if not decoded.startswith(prefix):
            return 404, "text/html", NGINX
        return quote("/" + decoded.removeprefix(prefix), safe="/~")

    def _through_distributor(self, path):
        service = "resource-service" if self.number >= (0, 18) else "configuration-service"
        if not path.startswith(f"/{service}/"):
            return 500, "text/plain", b""
        rest = path.removeprefix(f"/{service}")
        return rest.replace("%25", "%")

    def _served(self, path, query):
        parts = [unquote(part) for part in path.split("/")[1:]]
        if parts[:2] != ["v1", "project"] or "resource" not in parts[3:]:
            return self._no_route(path)
        project, rest = parts[2], parts[3:]
        stage = service = ""
        if rest[0] == "stage" and len(rest) > 2:
            stage, rest = rest[1], rest[2:]
        if rest[0] == "service" and stage and len(rest) > 2:
            service, rest = rest[1], rest[2:]
        if rest[0] != "resource" or len(rest) > 2 or rest[-1] == "":
            return self._no_route(path)
        branches = self.store.branches.get(project)
        if branches is None or DEFAULT not in branches:
            return _problem(404, "Project not found")
        level = "service" if service else "stage" if stage else "project"
        if stage and stage not in branches:
            return _problem(
                404, "Service not found" if not self.new and service else "Stage not found"
            )
        tip = branches[stage or DEFAULT]
        prefix = f"{service}/" if service else ""
        tree = self.store.commits[tip]
        if service and not any(name.startswith(prefix) for name in tree):
            return _problem(404, "Service not found")
        if len(rest) == 1:
            return self._list(tree, prefix, tip, query)
        name = unquote_plus(rest[1]) if self.number >= (0, 8) else rest[1]
        return self._single(prefix + name, rest[1], level, tip, query)

    def _list(self, tree, prefix, tip, query):
        if not self.new:
            return _problem(501, "operation has not yet been implemented")
        start = int(query.get("nextPageKey", ["0"])[0] or 0)
        size = int(query.get("pageSize", ["20"])[0])
        names = sorted(name.removeprefix(prefix) for name in tree if name.startswith(prefix))
        names = [name for name in names if ".git" not in name]
        slash = "/" if self.leading_slash else ""
        metadata = {"upstreamURL": "", "version": tip if self.versions_in_lists else ""}
        end = start + size
        return _document(
            {
                "nextPageKey": str(end) if end < len(names) else "0",
                "pageSize": 0,
                "totalCount": len(names),
                "resources": [
                    {"resourceURI": slash + name, "metadata": metadata} for name in names[start:end]
                ],
            }
        )

    def _single(self, path, uri, level, tip, query):
        if ".." in path or "~" in path:
            return _problem(400, "Path must not contain '~' or '..'")
        at = query.get("gitCommitID", [""])[0] if self.new else ""
        commit = next((id_ for id_ in self.store.commits if at and id_.startswith(at)), "")
        if at and not commit:
            return _problem(500, "Internal server error")
        content = self.store.commits[commit or tip].get(path)
        if content is None:
            text = "Resource not found" if self.new else f"{level.title()} resource not found"
            return _problem(404, text)
        encoded = base64.b64encode(content).decode()
        document = {
            "resourceURI": uri,
            "resourceContent": encoded[:4] + "*" + encoded[4:] if path == self.damaged else encoded,
        }
        if self.number >= (0, 8):
            document["metadata"] = {"branch": "", "upstreamURL": "", "version": at or tip}
        return _document(document)

    def _no_route(self, path):
        if self.new:
            return 404, "text/plain", b"404 page not found"
        return _problem(404, f"path {path} was not found")


def _document(value, status=200):
    return status, "application/json; charset=utf-8", json.dumps(value).encode()


def _problem(status, message):
    return _document({"code": status, "message": message}, status)
