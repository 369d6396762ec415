// Package config holds the panel's settings, which come from flags.
package config

import (
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"strings"

	"github.com/spf13/pflag"
)

// StateDir is where a packaged panel keeps its database.
const StateDir = "/var/lib/left4me-web"

// Config is the whole configuration of a panel.
type Config struct {
	Listen          string // address, "127.0.0.1:27080"
	StateDir        string
	AgentName       string // of the host, as it stands in addresses
	AgentSocket     string // one of AgentSocket and AgentURL
	AgentURL        string
	AgentTokenFile  string
	AgentToken      string // read by Validate
	InsecureCookies bool   // cookies over plain HTTP, for test hosts (S3)
}

// Flags defines the flags that fill c.
func (c *Config) Flags(flags *pflag.FlagSet) {
	flags.StringVar(&c.Listen, "listen", "127.0.0.1:27080", "`address` to serve on")
	flags.StringVar(&c.StateDir, "state-dir", StateDir, "`directory` of the panel's database")
	flags.StringVar(&c.AgentName, "agent-name", "local", "`name` of the agent's host in addresses")
	flags.StringVar(&c.AgentSocket, "agent-socket", "/run/left4me/agent.sock", "unix socket of the agent")
	flags.StringVar(&c.AgentURL, "agent-url", "", "`URL` of the agent instead of its socket")
	flags.StringVar(&c.AgentTokenFile, "agent-token-file", "", "`file` with the token for --agent-url")
	flags.BoolVar(&c.InsecureCookies, "insecure-cookies", false, "send cookies over plain HTTP; for test hosts only")
}

var hostName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// Validate checks c and reads the token.
func (c *Config) Validate() error {
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		return fmt.Errorf("--listen %q is no address; write for example 127.0.0.1:27080", c.Listen)
	}
	if !hostName.MatchString(c.AgentName) {
		return fmt.Errorf("--agent-name %q is no host name; use a-z, 0-9 and -", c.AgentName)
	}
	if c.AgentURL == "" {
		return nil
	}
	c.AgentSocket = ""
	if c.AgentTokenFile == "" {
		return errors.New("--agent-url needs --agent-token-file")
	}
	data, err := os.ReadFile(c.AgentTokenFile)
	if err != nil {
		return fmt.Errorf("read --agent-token-file: %w", err)
	}
	c.AgentToken = strings.TrimSpace(string(data))
	return nil
}
