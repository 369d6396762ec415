package hostrig

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// mirror returns where the machine's apt gets Debian from, and the proxy it uses, as NAME=value for wget.
func mirror(ctx context.Context) (uri string, proxy []string, err error) {
	out, err := exec.CommandContext(ctx, "apt-get", "indextargets", "--format", "$(CREATED_BY) $(COMPONENT) $(RELEASE) $(REPO_URI) $(ORIGIN)").Output()
	if err != nil {
		return "", nil, fmt.Errorf("ask apt for its sources: %w", err)
	}
	if uri = chooseMirror(string(out), codename()); uri == "" {
		return "", nil, errors.New("apt has no source of Debian's section main: the machine is no Debian, or apt has no sources")
	}
	for _, scheme := range []string{"http", "https"} {
		out, err := exec.CommandContext(ctx, "apt-config", "dump", "--format", "%v%n", "Acquire::"+scheme+"::Proxy").Output()
		if err != nil {
			return "", nil, fmt.Errorf("ask apt for its proxy: %w", err)
		}
		if value := strings.TrimSpace(string(out)); value != "" && value != "DIRECT" {
			proxy = append(proxy, scheme+"_proxy="+value)
		}
	}
	return uri, proxy, nil
}

// chooseMirror prefers the source of the machine's own release; a mirror that has one release has the others too.
func chooseMirror(targets, release string) string {
	best := ""
	for line := range strings.Lines(targets) {
		fields := strings.Fields(line)
		if len(fields) < 4 || fields[0] != "Packages" || fields[1] != "main" || !strings.HasPrefix(fields[3], "http") {
			continue
		}
		if fields[2] == release {
			return fields[3]
		}
		if best == "" && len(fields) > 4 && fields[4] == "Debian" && !strings.Contains(fields[2], "-") {
			best = fields[3]
		}
	}
	return best
}

// codename of the machine's release, as in os-release(5).
func codename() string {
	text, _ := os.ReadFile("/etc/os-release")
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), "VERSION_CODENAME="); ok {
			return strings.Trim(value, `"`)
		}
	}
	return ""
}
