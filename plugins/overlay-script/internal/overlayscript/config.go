package overlayscript

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"regexp"
	"slices"

	"github.com/left4me/left4me/plugins/overlay-script/internal/bubblewrap"
	"github.com/left4me/left4me/plugins/overlay-script/internal/egress"
	"github.com/left4me/left4me/plugins/overlay-script/internal/sandbox"
	"github.com/left4me/left4me/plugins/overlay-script/internal/systemd"
	"github.com/left4me/left4me/sdk"
)

// problems collects what is wrong with the operator's settings.
type problems []sdk.Diagnostic

func (p *problems) add(pointer string, cause error) {
	if cause == nil {
		return
	}
	*p = append(*p, sdk.Diagnostic{
		Severity: sdk.SeverityError, Code: "script.settings", Pointer: pointer,
		Summary: fmt.Sprintf("The setting %s cannot be used: %v.", pointer[1:], cause),
		Detail:  "Correct it in the plugin's block of the agent's configuration.",
	})
}

// read translates the operator's settings; diagnostics name what is wrong with them.
func (p PluginSettings) read() (choice, []sdk.Diagnostic) {
	var found problems
	config := bubblewrap.Config{
		Bwrap: p.Bubblewrap, User: p.UserID, Group: p.GroupID, Cgroup: p.Cgroup, Network: sandbox.Network(p.Egress),
		Policy: egress.Policy{Denied: p.denied(&found), Redirects: p.redirects(&found)},
		Ports:  p.ports(&found), Resolvers: p.resolvers(&found), Hosts: p.hosts(&found),
	}
	if p.CertificateFile != "" {
		pem, err := os.ReadFile(p.CertificateFile)
		found.add("/certificate_file", err)
		config.Certificates = pem
	}
	for _, name := range slices.Sorted(maps.Keys(p.Environment)) {
		if problem := badVariable(name, p.Environment[name]); problem != "" {
			found.add("/environment", errors.New(problem))
		}
	}
	out := choice{wanted: p.Sandbox, bubblewrap: config, systemd: systemd.Config{
		Network: config.Network, Denied: config.Policy.Denied, Resolvers: config.Resolvers, Hosts: config.Hosts,
	}}
	if p.CertificateFile != "" || len(p.Redirects) > 0 || config.Network == sandbox.NetworkOpen {
		out.beyond = `the settings certificate_file, redirects and egress "open" are kept by bubblewrap only`
		if p.Sandbox == kindSystemd {
			found.add("/sandbox", errors.New(out.beyond))
		}
	}
	return out, found
}

func (p PluginSettings) ports(found *problems) []uint16 {
	var out []uint16
	for _, port := range p.Ports {
		if port < 1 || port > 65535 {
			found.add("/ports", fmt.Errorf("%d is no port", port))
			continue
		}
		out = append(out, uint16(port))
	}
	return out
}

func (p PluginSettings) resolvers(found *problems) []netip.Addr {
	var out []netip.Addr
	for _, text := range p.Resolvers {
		address, err := netip.ParseAddr(text)
		found.add("/resolvers", err)
		out = append(out, address)
	}
	return out
}

func (p PluginSettings) denied(found *problems) []netip.Prefix {
	var out []netip.Prefix
	for _, text := range p.DeniedNetworks {
		prefix, err := netip.ParsePrefix(text)
		found.add("/denied_networks", err)
		out = append(out, prefix.Masked())
	}
	return out
}

var hostname = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$`)

func (p PluginSettings) hosts(found *problems) map[string]netip.Addr {
	out := map[string]netip.Addr{}
	for _, name := range slices.Sorted(maps.Keys(p.Hosts)) {
		address, err := netip.ParseAddr(p.Hosts[name])
		if err != nil || !hostname.MatchString(name) {
			found.add("/hosts", fmt.Errorf("%q and %q are no name and address", name, p.Hosts[name]))
			continue
		}
		out[name] = address
	}
	return out
}

func (p PluginSettings) redirects(found *problems) map[netip.AddrPort]netip.AddrPort {
	out := map[netip.AddrPort]netip.AddrPort{}
	for _, from := range slices.Sorted(maps.Keys(p.Redirects)) {
		outer, err1 := netip.ParseAddrPort(from)
		inner, err2 := netip.ParseAddrPort(p.Redirects[from])
		if err1 != nil || err2 != nil || outer.Addr().Unmap().IsLoopback() {
			found.add("/redirects", fmt.Errorf("%q and %q are no two addresses with ports, the first one not loopback", from, p.Redirects[from]))
			continue
		}
		out[netip.AddrPortFrom(outer.Addr().Unmap(), outer.Port())] = inner
	}
	return out
}
