package bubblewrap

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/left4me/left4me/plugins/overlay-script/internal/cgroup"
	"github.com/left4me/left4me/plugins/overlay-script/internal/egress"
	"github.com/left4me/left4me/plugins/overlay-script/internal/sandbox"
)

// Config of the sandbox. Policy, Ports and Resolvers matter to sandbox.NetworkFiltered only.
type Config struct {
	Bwrap        string          // path of bubblewrap; "" looks it up
	User, Group  int             // whom scripts run as where the plugin may choose; 0 means itself
	Network      sandbox.Network // what scripts that want the network get
	Policy       egress.Policy
	Ports        []uint16
	Resolvers    []netip.Addr
	Hosts        map[string]netip.Addr // names that scripts see in /etc/hosts
	Certificates []byte                // PEM, trusted beside the host's
	Cgroup       string                // see cgroup.Find
}

// Sandbox implements sandbox.Sandbox.
type Sandbox struct {
	config   Config
	bwrap    string
	identity identity
	parent   *cgroup.Parent
	report   sandbox.Report
}

// New looks at what the host offers. It fails where no script can run at all.
func New(config Config) (*Sandbox, error) {
	path := config.Bwrap
	if path == "" {
		path = "bwrap"
	}
	bwrap, err := exec.LookPath(path)
	if err != nil {
		return nil, fmt.Errorf("bubblewrap is not installed: %w", err)
	}
	if bwrap, err = filepath.Abs(bwrap); err != nil {
		return nil, err
	}
	if setuid(bwrap) {
		return nil, fmt.Errorf("%s is setuid, and only an ordinary bubblewrap works here", bwrap)
	}
	version, err := exec.Command(bwrap, "--version").Output()
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", bwrap, err)
	}
	who, err := findIdentity(config.User, config.Group)
	if err != nil {
		return nil, err
	}
	s := &Sandbox{config: config, bwrap: bwrap, identity: who}
	s.report = sandbox.Report{Kind: "bubblewrap", Network: config.Network, Facts: map[string]string{
		"bubblewrap": strings.TrimSpace(string(version)),
		"script_uid": strconv.Itoa(who.uid),
	}}
	s.findCgroup()
	return s, nil
}

func setuid(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode()&os.ModeSetuid != 0
}

func (s *Sandbox) findCgroup() {
	parent, err := cgroup.Find(s.config.Cgroup)
	s.parent = parent
	parent.Sweep()
	missing := parent.Missing()
	s.report.Facts["cgroup"] = "yes"
	if len(missing) == 0 {
		return
	}
	s.report.Facts["cgroup"] = "no"
	cause := ""
	if err != nil {
		s.report.Facts["cgroup_cause"] = err.Error()
		cause = " (" + err.Error() + ")"
	} else {
		s.report.Facts["cgroup"] = "partly"
	}
	s.report.Warnings = append(s.report.Warnings, fmt.Sprintf(
		"The limits for %s are kept per process or by watching, not by a cgroup%s. "+
			"Delegate a cgroup to the plugin and name it in the setting \"cgroup\".", strings.Join(missing, ", "), cause))
}

// Report implements sandbox.Sandbox.
func (s *Sandbox) Report() sandbox.Report { return s.report }
