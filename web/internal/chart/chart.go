// Package chart draws figures over time as paths of SVG, which need no script and no inline style.
package chart

import (
	"math"
	"strconv"
	"strings"
)

// Curve is a drawn series. Its coordinates fill a box of Width × Height with the y axis downwards.
type Curve struct {
	Line, Area    string // path data; a gap where nobody could tell. Empty when there is no point
	Width, Height int
	Low, High     float64 // of the values
	Last          float64 // the newest value
	Any, Known    bool    // there is a value; the newest point has one
}

// maxPoints is how many points a curve gets: more are not to be seen, and would weigh.
const maxPoints = 120

// Draw draws values at rising times into a box. The lowest line is 0; the highest is top, or the greatest value with some
// air when that is more. nil values and values that are not numbers are gaps.
func Draw(times []int64, values []*float64, width, height int, top float64) Curve {
	c := Curve{Width: width, Height: height}
	n := min(len(times), len(values))
	if n == 0 || times[n-1] <= times[0] && n > 1 {
		return c
	}
	from, span := times[0], max(times[n-1]-times[0], 1)
	points := thin(times[:n], values[:n])
	for _, p := range points {
		if !p.known {
			continue
		}
		if !c.Any {
			c.Low, c.High = p.value, p.value
		}
		c.Low, c.High, c.Last, c.Any = min(c.Low, p.value), max(c.High, p.value), p.value, true
	}
	c.Known = len(points) > 0 && points[len(points)-1].known
	if !c.Any {
		return c
	}
	if c.High > top {
		top = c.High * 1.1
	}
	if top <= 0 {
		top = 1
	}
	c.draw(points, from, span, top)
	return c
}

type point struct {
	at    int64
	value float64
	known bool
}

// thin takes the means of neighbours, so that there are at most maxPoints.
func thin(times []int64, values []*float64) []point {
	each := (len(times) + maxPoints - 1) / maxPoints
	var out []point
	for i := 0; i < len(times); i += each {
		end := min(i+each, len(times))
		sum, known := 0.0, 0
		for _, value := range values[i:end] {
			if value != nil && !math.IsNaN(*value) && !math.IsInf(*value, 0) {
				sum, known = sum+*value, known+1
			}
		}
		p := point{at: times[end-1]}
		if known > 0 {
			p.value, p.known = sum/float64(known), true
		}
		out = append(out, p)
	}
	if len(out) > 0 && len(times) > 0 {
		out[0].at = times[0]
	}
	return out
}

func (c *Curve) draw(points []point, from, span int64, top float64) {
	var line, area strings.Builder
	x := func(p point) string { return number(float64(p.at-from) / float64(span) * float64(c.Width)) }
	y := func(p point) string {
		return number(float64(c.Height) * (1 - min(max(p.value/top, 0), 1)))
	}
	bottom := number(float64(c.Height))
	for i, p := range points {
		if !p.known {
			continue
		}
		first := i == 0 || !points[i-1].known
		if first {
			line.WriteString("M" + x(p) + " " + y(p))
			area.WriteString("M" + x(p) + " " + bottom + "L" + x(p) + " " + y(p))
		} else {
			line.WriteString("L" + x(p) + " " + y(p))
			area.WriteString("L" + x(p) + " " + y(p))
		}
		if i == len(points)-1 || !points[i+1].known {
			if first { // a point of its own would have no length
				line.WriteString("h1")
			}
			area.WriteString("L" + x(p) + " " + bottom + "Z")
		}
	}
	c.Line, c.Area = line.String(), area.String()
}

// number writes a coordinate to a tenth.
func number(v float64) string {
	return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64)
}
