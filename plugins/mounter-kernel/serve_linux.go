package main

import (
	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/config"
	"github.com/left4me/left4me/plugins/mounter-kernel/internal/idmap"
	"github.com/left4me/left4me/plugins/mounter-kernel/internal/kernel"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/mounter"
)

// version of the plugin.
const version = "0.1.0"

const documentation = `Mounts with kernel overlayfs and owns the content tree.

It needs CAP_SYS_ADMIN, CAP_DAC_OVERRIDE, CAP_CHOWN and CAP_FOWNER. With CAP_SETUID and CAP_SETGID as well, a
script can change mode and time of files of the revision before it. It works in a user namespace without any.

Run it in the mount namespace of the host: no unit option that gives it one of its own.`

func serve(file string) error {
	idmap.RunChild()
	var fixed config.Settings
	if file != "" {
		var err error
		if fixed, err = config.ReadFile(file); err != nil {
			return err
		}
	}
	unix.Umask(0o022)
	health := &sdk.HealthReporter{}
	m := kernel.New(fixed, sdk.Logger(), health)
	sdk.Serve(mounter.New(info(), m, m.Configure, health))
	return nil
}

func info() sdk.Info {
	return sdk.Info{
		Name:         "mounter-kernel",
		Version:      version,
		PluginSchema: config.Schema,
		WantedCapabilities: []string{
			"CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE", "CAP_CHOWN", "CAP_FOWNER", "CAP_SETUID", "CAP_SETGID",
		},
		Doc: documentation,
	}
}
