package chart_test

import (
	"math"
	"strings"
	"testing"

	"github.com/left4me/left4me/web/internal/chart"
)

func values(list ...float64) []*float64 {
	out := make([]*float64, len(list))
	for i, v := range list {
		if v >= 0 {
			out[i] = &v
		}
	}
	return out
}

func TestDraw(t *testing.T) {
	c := chart.Draw([]int64{10, 20, 30}, values(0, 50, 100), 100, 40, 100)
	if c.Line != "M0 40L50 20L100 0" || c.Area != "M0 40L0 40L50 20L100 0L100 40Z" {
		t.Errorf("line %q, area %q", c.Line, c.Area)
	}
	if c.Low != 0 || c.High != 100 || c.Last != 100 || !c.Any || !c.Known {
		t.Errorf("%+v", c)
	}
}

func TestGaps(t *testing.T) {
	c := chart.Draw([]int64{0, 1, 2, 3, 4}, values(1, 1, -1, 1, -1), 4, 10, 2)
	if c.Line != "M0 5L1 5M3 5h1" {
		t.Errorf("line %q", c.Line)
	}
	if c.Known {
		t.Error("the newest point is a gap")
	}
	for _, bad := range []float64{math.NaN(), math.Inf(1)} {
		if c := chart.Draw([]int64{0, 1}, []*float64{&bad, &bad}, 10, 10, 1); c.Any || c.Line != "" {
			t.Errorf("%v was drawn: %+v", bad, c)
		}
	}
}

func TestNothingToDraw(t *testing.T) {
	for _, c := range []chart.Curve{chart.Draw(nil, nil, 10, 10, 1), chart.Draw([]int64{1, 2}, nil, 10, 10, 1), chart.Draw([]int64{2, 2}, values(1, 1), 10, 10, 1)} {
		if c.Any || c.Line != "" {
			t.Errorf("%+v", c)
		}
	}
}

// A day of samples each 5 s must not weigh more than a page.
func TestManyPointsAreThinned(t *testing.T) {
	times, list := make([]int64, 17280), make([]*float64, 17280)
	for i := range times {
		v := float64(i % 100)
		times[i], list[i] = int64(i*5), &v
	}
	c := chart.Draw(times, list, 300, 60, 100)
	if n := strings.Count(c.Line, "L"); n > 120 || n < 60 {
		t.Errorf("%d points", n)
	}
	if len(c.Line) > 2000 {
		t.Errorf("%d bytes", len(c.Line))
	}
}

func FuzzDraw(f *testing.F) {
	f.Add(int64(0), int64(5), 1.0, 2.0, 100.0)
	f.Fuzz(func(t *testing.T, from, to int64, a, b, top float64) {
		c := chart.Draw([]int64{from, to}, []*float64{&a, &b}, 100, 40, top)
		if strings.ContainsAny(c.Line+c.Area, "NIne") {
			t.Errorf("a coordinate is no number: %q", c.Line)
		}
	})
}
