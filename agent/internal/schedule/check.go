package schedule

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/id"
)

// Bounds of a schedule.
const (
	MaxActions    = 20
	MaxWait       = 24 * time.Hour
	MaxAfter      = time.Hour
	DefaultPause  = time.Minute // between firings by events, see Trigger.Cooldown
	maxText       = 510
	maxExpression = 200
)

// Kind describes a kind of action: which fields it needs.
type Kind struct {
	Name    string
	Doc     string
	Server  bool // it acts on a server
	Overlay bool
	URL     bool
	Text    string // what Text is; "" = not used
}

// Kinds returns every kind of action.
func Kinds() []Kind {
	return []Kind{
		{Name: "start", Doc: "Start a server.", Server: true},
		{Name: "stop", Doc: "Stop a server.", Server: true},
		{Name: "restart", Doc: "Restart a server with the newest content.", Server: true},
		{Name: "kill", Doc: "Kill a server at once.", Server: true},
		{Name: "say", Doc: "Say something to everybody who plays.", Server: true, Text: "message"},
		{Name: "command", Doc: "Run a console command.", Server: true, Text: "command"},
		{Name: "map", Doc: "Go to another map.", Server: true, Text: "map"},
		{Name: "build", Doc: "Build an overlay.", Overlay: true},
		{Name: "refresh", Doc: "Refresh every overlay that can be."},
		{Name: "update", Doc: "Install the newest release of the game."},
		{Name: "backup", Doc: "Copy the agent's database beside it; the newest seven copies are kept. Uppers need: left4me backup."},
		{Name: "webhook", Doc: "Send what happened to a web address.", URL: true},
	}
}

func kind(name string) (Kind, bool) {
	kinds := Kinds()
	at := slices.IndexFunc(kinds, func(k Kind) bool { return k.Name == name })
	if at < 0 {
		return Kind{}, false
	}
	return kinds[at], true
}

// check refuses a schedule that could not run.
func (s Schedule) check(ctx context.Context, actor Actor) error {
	if err := id.CheckName("schedule", s.Name); err != nil {
		return err
	}
	if err := s.Trigger.check(); err != nil {
		return err
	}
	if s.Overlap != OverlapSkip && s.Overlap != OverlapQueue {
		return fault.New(fault.Invalid, "overlap is %q; it can be skip or queue.", s.Overlap).WithField("overlap")
	}
	if len(s.Actions) == 0 || len(s.Actions) > MaxActions {
		return fault.New(fault.Invalid, "A schedule has 1 to %d actions; this one has %d.", MaxActions, len(s.Actions)).WithField("actions")
	}
	if err := s.Conditions.check(s.Trigger); err != nil {
		return err
	}
	for i, a := range s.Actions {
		if err := a.check(ctx, s.Trigger, actor); err != nil {
			if e, ok := fault.Of(err); ok {
				return e.WithField(fmt.Sprintf("actions[%d]", i))
			}
			return err
		}
	}
	return nil
}

func (t Trigger) check() error {
	switch {
	case (t.Cron == "") == (t.On == ""):
		return fault.New(fault.Invalid, "A schedule has a time or something that must happen, not both.").WithField("trigger").
			WithHint(`Give cron, for example "0 5 * * *", or on, for example server.empty.`)
	case t.Cron != "":
		_, err := t.times()
		return err
	case !slices.Contains(Causes(), t.On):
		return fault.New(fault.Invalid, "Nothing is known that is called %q.", t.On).WithField("on").WithHint("It can be: %s.", join(Causes()))
	case t.Cooldown < 0 || t.Cooldown > MaxWait:
		return fault.New(fault.Invalid, "cooldown can be up to 24 h.").WithField("cooldown")
	}
	if _, err := t.matcher(); err != nil {
		return fault.Wrap(err, fault.Invalid, "match is no regular expression: %v.", err).WithField("match").WithHint("See https://pkg.go.dev/regexp/syntax.")
	}
	if (t.Match != "") != (t.On == OnConsole) {
		return fault.New(fault.Invalid, "match belongs to %s, and to nothing else.", OnConsole).WithField("match")
	}
	return nil
}

// matcher returns what console lines must match; nil for none.
func (t Trigger) matcher() (*regexp.Regexp, error) {
	if t.Match == "" {
		return nil, nil
	}
	if len(t.Match) > maxExpression {
		return nil, fmt.Errorf("longer than %d characters", maxExpression)
	}
	return regexp.Compile(t.Match)
}

// times reads the cron expression.
func (t Trigger) times() (cron.Schedule, error) {
	if strings.HasPrefix(t.Cron, "TZ=") || strings.HasPrefix(t.Cron, "CRON_TZ=") {
		return nil, fault.New(fault.Invalid, "The time zone does not belong into the expression.").WithField("cron").WithHint("Give it as zone.")
	}
	zone := time.Local
	if t.Zone != "" {
		var err error
		if zone, err = time.LoadLocation(t.Zone); err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "There is no time zone %q on this host.", t.Zone).WithField("zone").WithHint("For example Europe/Berlin.")
		}
	}
	times, err := cron.ParseStandard(t.Cron)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "%q is no cron expression.", t.Cron).WithField("cron").
			WithHint(`Five fields: minute, hour, day of month, month, day of week. For example "30 4 * * *".`)
	}
	if spec, ok := times.(*cron.SpecSchedule); ok {
		spec.Location = zone
	}
	return times, nil
}

// about reports whether the trigger tells of a server.
func (t Trigger) about() bool { return t.Server != "" || strings.HasPrefix(string(t.On), "server.") }

func (c Conditions) check(t Trigger) error {
	asked := c.MinPlayers != nil || c.MaxPlayers != nil || len(c.States) > 0
	switch {
	case asked && c.Server == "" && !t.about():
		return fault.New(fault.Invalid, "The conditions must name a server: the trigger tells of none.").WithField("conditions.server")
	case c.MinPlayers != nil && c.MaxPlayers != nil && *c.MinPlayers > *c.MaxPlayers:
		return fault.New(fault.Invalid, "min_players is above max_players.").WithField("conditions.min_players")
	case c.Wait < 0 || c.Wait > MaxWait:
		return fault.New(fault.Invalid, "wait can be up to 24 h.").WithField("conditions.wait")
	}
	return nil
}

func (a Action) check(ctx context.Context, t Trigger, actor Actor) error {
	k, ok := kind(a.Kind)
	switch {
	case !ok:
		return fault.New(fault.Invalid, "Nothing is known that is called %q.", a.Kind).WithHint("An action can be: %s.", kindNames())
	case k.Server && a.Server == "" && !t.about():
		return fault.New(fault.Invalid, "Action %s must name a server: the trigger tells of none.", a.Kind)
	case !k.Server && a.Server != "":
		return fault.New(fault.Invalid, "Action %s takes no server.", a.Kind)
	case k.Text != "" && strings.TrimSpace(a.Text) == "", len(a.Text) > maxText:
		return fault.New(fault.Invalid, "Action %s needs a %s of 1 to %d bytes as text.", a.Kind, k.Text, maxText)
	case k.Overlay && a.Overlay == "":
		return fault.New(fault.Invalid, "Action %s must name an overlay.", a.Kind)
	case k.URL && a.URL == "":
		return fault.New(fault.Invalid, "Action %s needs a url.", a.Kind)
	case a.After < 0 || a.After > MaxAfter:
		return fault.New(fault.Invalid, "after can be up to 1 h.")
	}
	return actor.Check(ctx, a)
}

func kindNames() string {
	var names []string
	for _, k := range Kinds() {
		names = append(names, k.Name)
	}
	return strings.Join(names, ", ")
}

func join[T ~string](list []T) string {
	var out []string
	for _, item := range list {
		out = append(out, string(item))
	}
	return strings.Join(out, ", ")
}
