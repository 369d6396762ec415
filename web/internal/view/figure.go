package view

import (
	"fmt"
	"strings"
	"time"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/web/internal/chart"
)

// Figure is one curve with what it stands at.
type Figure struct {
	Label string
	Now   string // "38 %"; "—" when nobody can tell
	Of    string // what it can be at most, or ""
	Range string // what it was in the time shown, for people who do not see the curve
	Curve chart.Curve
}

// measure is how a figure of a series is shown.
type measure struct {
	name, label string
	top         float64 // what the curve reaches when it is not more; 0 = its own highest value
	topOf       string  // the figure whose newest value is the top
	show        func(float64) string
}

func percent(v float64) string { return fmt.Sprintf("%.0f %%", v) }
func amount(v float64) string  { return Bytes(uint64(max(v, 0))) }
func rate(v float64) string    { return Bytes(uint64(max(v, 0))) + "/s" }
func count(v float64) string   { return fmt.Sprintf("%.0f", v) }
func perSecond(v float64) string {
	return fmt.Sprintf("%.0f/s", v)
}
func load(v float64) string { return fmt.Sprintf("%.2f", v) }

var serverMeasures = []measure{
	{"cpu", "CPU", 100, "", percent}, {"memory", "Memory", 0, "", amount}, {"players", "Players", 0, "slots", count},
	{"tick", "Tick rate", 30, "", perSecond}, {"in", "Received", 0, "", rate}, {"out", "Sent", 0, "", rate},
	{"read", "Read from disk", 0, "", rate}, {"write", "Written to disk", 0, "", rate},
}

var cardMeasures = serverMeasures[:2]

var hostMeasures = []measure{
	{"cpu", "CPU", 100, "", percent}, {"load", "Load", 1, "", load}, {"memory_used", "Memory", 0, "memory_total", amount},
	{"disk_free", "Disk free", 0, "disk_total", amount}, {"in", "Received", 0, "", rate}, {"out", "Sent", 0, "", rate},
}

// Boxes that curves are drawn into; the page scales them.
const (
	figureWidth, figureHeight = 240, 56
	cardWidth, cardHeight     = 160, 28
)

// ServerFigures draws a server's figures. One that a host never measured is left out.
func ServerFigures(s api.Series) []Figure {
	return figures(s, serverMeasures, figureWidth, figureHeight)
}

// CardFigures draws what a server's card on the dashboard shows.
func CardFigures(s api.Series) []Figure { return figures(s, cardMeasures, cardWidth, cardHeight) }

// HostFigures draws a host's figures.
func HostFigures(s api.Series) []Figure { return figures(s, hostMeasures, figureWidth, figureHeight) }

func figures(s api.Series, measures []measure, width, height int) []Figure {
	var out []Figure
	for _, m := range measures {
		values, ok := s.Values[m.name]
		if !ok {
			continue
		}
		top := m.top
		if m.topOf != "" {
			top = newest(s.Values[m.topOf])
		}
		curve := chart.Draw(s.Times, values, width, height, top)
		if !curve.Any {
			continue
		}
		f := Figure{Label: m.label, Now: "—", Curve: curve, Range: m.show(curve.Low) + " to " + m.show(curve.High)}
		if last := newest(values); curve.Known {
			f.Now = m.show(last)
			if m.topOf != "" && top > 0 {
				f.Of = m.show(top)
			}
		}
		out = append(out, f)
	}
	return out
}

// newest returns the newest value that is known.
func newest(values []*float64) float64 {
	for i := len(values) - 1; i >= 0; i-- {
		if values[i] != nil {
			return *values[i]
		}
	}
	return 0
}

// Ranges are the times that curves can show, by their names in addresses. The first is shown unless another is asked for.
var Ranges = []struct {
	Name string
	Last time.Duration
}{{"1h", time.Hour}, {"10min", 10 * time.Minute}, {"6h", 6 * time.Hour}, {"24h", 24 * time.Hour}}

// Uptime says how long something has been up.
func Uptime(from time.Time) string {
	d := max(time.Since(from), 0)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

func rangeTitle(name string) string {
	return strings.NewReplacer("10min", "10 min", "1h", "1 hour", "6h", "6 hours", "24h", "24 hours").Replace(name)
}

func viewBox(c chart.Curve) string { return fmt.Sprintf("0 -2 %d %d", c.Width, c.Height+4) }

func countRunning(servers []api.Server) int {
	n := 0
	for _, s := range servers {
		if s.State == "running" {
			n++
		}
	}
	return n
}
