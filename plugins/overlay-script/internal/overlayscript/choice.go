package overlayscript

import (
	"errors"

	"github.com/left4me/left4me/plugins/overlay-script/internal/bubblewrap"
	"github.com/left4me/left4me/plugins/overlay-script/internal/sandbox"
	"github.com/left4me/left4me/plugins/overlay-script/internal/systemd"
)

// Kinds of sandboxes in the operator's settings.
const (
	kindAuto       = "auto"
	kindSystemd    = "systemd"
	kindBubblewrap = "bubblewrap"
)

// choice is how scripts can be kept in, as the operator's settings have it.
type choice struct {
	wanted     string
	beyond     string // why systemd cannot keep these settings, or ""
	bubblewrap bubblewrap.Config
	systemd    systemd.Config
}

// open makes the sandbox. Left to itself it takes systemd where its unit is installed and permitted, and says in the
// facts why not.
func (c choice) open() (sandbox.Sandbox, error) {
	if c.wanted == kindBubblewrap {
		return c.inBubblewrap("")
	}
	box, err := systemd.New(c.systemd)
	if c.beyond != "" {
		err = errors.New(c.beyond)
	}
	switch {
	case err == nil:
		return box, nil
	case c.wanted == kindSystemd:
		return nil, err
	}
	return c.inBubblewrap(err.Error())
}

func (c choice) inBubblewrap(because string) (sandbox.Sandbox, error) {
	box, err := bubblewrap.New(c.bubblewrap)
	if err != nil {
		return nil, err // not box: a nil pointer in an interface is not nil
	}
	if because != "" {
		box.Report().Facts["systemd_not_used"] = because
	}
	return box, nil
}
