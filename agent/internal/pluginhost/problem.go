package pluginhost

import (
	"fmt"

	"github.com/left4me/left4me/agent/internal/fault"
)

// problem is why a plugin does not run.
type problem struct {
	code fault.Code
	what string // completes "Plugin NAME …", with a full stop
	hint string
	// permanent problems stay until somebody does something: starting again is no use.
	permanent bool
	// unreached means that the plugin is started by others and was not there.
	unreached bool
	// mendable problems are gone once the hint was followed and the plugin is started again.
	mendable bool
	cause    error
}

// lasting returns a problem that starting again does not mend.
func lasting(code fault.Code, format string, args ...any) *problem {
	return &problem{code: code, what: fmt.Sprintf(format, args...), permanent: true}
}

// passing returns a problem that may be gone at the next start.
func passing(cause error, format string, args ...any) *problem {
	return &problem{code: fault.Unavailable, what: fmt.Sprintf(format, args...), cause: cause}
}

// broken returns the problem of a plugin that does not keep to the protocol.
func broken(format string, args ...any) *problem {
	return lasting(fault.Internal, "broke the protocol: "+format+".", args...).
		withHint("Update the plugin, or report this to its author.")
}

func (p *problem) withHint(format string, args ...any) *problem {
	p.hint = fmt.Sprintf(format, args...)
	return p
}

// mend marks the problem as one that a person mends outside of the configuration.
func (p *problem) mend(hint string) *problem {
	p.hint, p.mendable = hint, true
	return p
}

// fault returns the problem as a person reads it.
func (p *problem) fault(name string) *fault.Error {
	hint := p.hint
	if p.mendable {
		hint += " Then run: left4me plugin restart " + name
	}
	err := fault.Wrap(p.cause, p.code, "Plugin %q %s", name, p.what)
	return err.WithHint("%s", hint).WithSource(source(name))
}

// source names a plugin as the origin of an error.
func source(name string) string { return "plugin:" + name }
