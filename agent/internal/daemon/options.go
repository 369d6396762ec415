package daemon

import (
	"context"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"strconv"

	"github.com/left4me/left4me/agent/internal/config"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/httpapi"
	"github.com/left4me/left4me/agent/internal/pluginhost"
	"github.com/left4me/left4me/agent/internal/process"
	"github.com/left4me/left4me/agent/internal/server"
	"github.com/left4me/left4me/agent/internal/systemd"
	"github.com/left4me/left4me/agent/internal/version"
	"github.com/left4me/left4me/sdk"
)

// pluginOptions turns the config's plugin blocks into what the host takes.
func pluginOptions(cfg *config.Config, log *slog.Logger) pluginhost.Options {
	out := pluginhost.Options{RuntimeDir: cfg.RuntimeDir, StateDir: cfg.StateDir, HostVersion: version.Version,
		LogLevel: cfg.Log.Level, Logger: log}
	for _, p := range cfg.Plugins {
		out.Plugins = append(out.Plugins, pluginhost.Plugin{
			Name: p.Name, Kind: sdk.KindName(p.Kind), Enabled: p.Enabled, Settings: p.Settings, Secrets: p.ReadSecrets,
			Launch: pluginhost.Launch{Mode: pluginhost.Mode(p.Launch.Mode), Command: p.Launch.Command, Checksum: p.Launch.Checksum,
				User: p.Launch.User, Group: p.Launch.Group, Capabilities: p.Launch.Capabilities,
				Environment: p.Launch.Environment, Socket: p.Launch.Socket},
		})
	}
	return out
}

// supervisor is what runs the games, whichever it is.
type supervisor interface {
	server.Supervisor
	server.Console
	server.Meter
	server.Enforcer
	Close() error // leaves what runs
}

// openSupervisor returns the supervisor that the config asks for, or says what this host lacks for it.
func openSupervisor(ctx context.Context, cfg *config.Config, log *slog.Logger) (supervisor, error) {
	if cfg.Servers.Supervisor == config.SupervisorSystemd {
		opened, err := systemd.New(ctx, systemd.Options{StateDir: cfg.StateDir, RuntimeDir: cfg.RuntimeDir,
			StopTimeout: cfg.Servers.StopTimeout, Log: log})
		if err != nil {
			return nil, err
		}
		return opened, nil
	}
	opened, err := openProcess(ctx, cfg, log)
	if err != nil {
		return nil, err
	}
	return opened, nil
}

// openProcess returns the supervisor for hosts without systemd.
func openProcess(ctx context.Context, cfg *config.Config, log *slog.Logger) (*process.Supervisor, error) {
	uid, err := userID(cfg.Servers.User)
	if err != nil {
		return nil, err
	}
	gid, err := groupID(cfg.Servers.Group)
	if err != nil {
		return nil, err
	}
	if (uid != 0 || gid != 0) && os.Geteuid() != 0 {
		return nil, fault.New(fault.Precondition, "Games cannot run as another user, because the agent does not run as root.").
			WithHint("Take user and group out of the servers block, or run the agent as root.")
	}
	return process.New(ctx, process.Options{Dir: filepath.Join(cfg.StateDir, "units"), UID: uid, GID: gid, Log: log})
}

func userID(name string) (int, error) {
	if id, err := strconv.Atoi(name); err == nil || name == "" {
		return id, nil
	}
	found, err := user.Lookup(name)
	if err != nil {
		return 0, fault.Wrap(err, fault.Precondition, "Games should run as user %q, who does not exist.", name).
			WithHint("Make the user, or correct user in the servers block.")
	}
	return strconv.Atoi(found.Uid)
}

func groupID(name string) (int, error) {
	if id, err := strconv.Atoi(name); err == nil || name == "" {
		return id, nil
	}
	found, err := user.LookupGroup(name)
	if err != nil {
		return 0, fault.Wrap(err, fault.Precondition, "Games should run as group %q, which does not exist.", name).
			WithHint("Make the group, or correct group in the servers block.")
	}
	return strconv.Atoi(found.Gid)
}

// grants says who may do what: whoever may open the socket is the operator, by the socket's mode and group;
// over TCP the bearer of the token is.
func grants(cfg *config.Config) (httpapi.Grants, error) {
	out := httpapi.Grants{}
	if cfg.Listen.SocketGroup != "" {
		gid, err := groupID(cfg.Listen.SocketGroup)
		if err != nil {
			return out, err
		}
		out.GIDs = map[int]httpapi.Access{gid: httpapi.Admin}
	}
	if cfg.Listen.Address == "" {
		return out, nil
	}
	token, err := config.ReadSecret(cfg.Listen.TokenFile)
	out.Token = token
	return out, err
}
