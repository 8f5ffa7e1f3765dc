// Package chart draws lines into a PNG: what bench measured, to look at.
package chart

import (
	"fmt"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Chart is one picture of some lines.
type Chart struct {
	Title      string
	X, Y       string // what the axes are, with units
	LogX, LogY bool
	Lines      []Line
}

// Line is one series of points. On a logarithmic axis they must be above 0.
type Line struct {
	Name   string // "" is not in the legend
	Points []Point
}

// Point is one measurement.
type Point struct{ X, Y float64 }

// The size of a picture.
const (
	width  = 24 * vg.Centimeter
	height = 14 * vg.Centimeter
)

// palette is Okabe and Ito's, which color-blind readers can tell apart.
var palette = []color.Color{
	color.RGBA{0, 114, 178, 255},
	color.RGBA{213, 94, 0, 255},
	color.RGBA{0, 158, 115, 255},
	color.RGBA{204, 121, 167, 255},
	color.RGBA{230, 159, 0, 255},
	color.RGBA{86, 180, 233, 255},
	color.RGBA{0, 0, 0, 255},
	color.RGBA{150, 150, 150, 255},
}

// Save draws the chart to a PNG file; its directory is made.
func (c *Chart) Save(path string) error {
	p, err := c.plot()
	if err != nil {
		return fmt.Errorf("cannot draw %s: %w", c.Title, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("cannot draw %s: %w", c.Title, err)
	}
	if err := p.Save(width, height, path); err != nil {
		return fmt.Errorf("cannot draw %s: %w", c.Title, err)
	}
	return nil
}

func (c *Chart) plot() (*plot.Plot, error) {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = c.Title, c.X, c.Y
	p.BackgroundColor = color.White
	p.Add(plotter.NewGrid())
	p.Legend.Top, p.Legend.Left = true, true
	lines := slices.SortedFunc(slices.Values(c.Lines), func(a, b Line) int { return strings.Compare(a.Name, b.Name) })
	least, most := math.Inf(1), math.Inf(-1)
	for i, line := range lines {
		if len(line.Points) == 0 {
			continue
		}
		points := make(plotter.XYs, len(line.Points))
		for j, at := range line.Points {
			points[j] = plotter.XY{X: at.X, Y: at.Y}
			least, most = min(least, at.Y), max(most, at.Y)
		}
		drawn, dots, err := plotter.NewLinePoints(points)
		if err != nil {
			return nil, err
		}
		drawn.Color, drawn.Width = palette[i%len(palette)], vg.Points(1.5)
		dots.Color, dots.Shape, dots.Radius = palette[i%len(palette)], draw.CircleGlyph{}, vg.Points(2)
		p.Add(drawn, dots)
		if line.Name != "" {
			p.Legend.Add(line.Name, drawn, dots)
		}
	}
	c.scale(p, least, most)
	return p, nil
}

// scale chooses the axes: a linear one begins at 0, so that what is flat looks flat.
func (c *Chart) scale(p *plot.Plot, least, most float64) {
	if c.LogX {
		p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	}
	if least > most {
		return // no points
	}
	const headroom = 1.35 // for the legend
	if c.LogY {
		p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
		p.Y.Min, p.Y.Max = math.Pow(10, math.Floor(math.Log10(least))), math.Pow(10, math.Ceil(math.Log10(most)))*10
		return
	}
	p.Y.Min, p.Y.Max = 0, most*headroom
}
