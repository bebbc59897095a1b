package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// A bound on what Leat may cost: so many times less than Go, so many times
// its floor, or so many units.
type goal struct {
	text  string
	kind  byte // 'x' Go, 'f' floor, 'u' units, 0 none
	value float64
}

func parseGoal(text string) (goal, error) {
	g := goal{text: text}
	number := ""
	switch {
	case text == "-":
		return goal{}, nil
	case strings.HasPrefix(text, ">=") && strings.HasSuffix(text, "x"):
		g.kind, number = 'x', text[2:len(text)-1]
	case strings.HasPrefix(text, "<=") && strings.HasSuffix(text, "f"):
		g.kind, number = 'f', text[2:len(text)-1]
	case strings.HasPrefix(text, "<="):
		g.kind, number = 'u', text[2:]
	}
	var err error
	if g.value, err = strconv.ParseFloat(number, 64); err != nil || g.value <= 0 {
		return goal{}, fmt.Errorf("goal %q: want >=8x, <=1.3f, <=5000 or -", text)
	}
	return g, nil
}

// met tells whether the figures reach the goal; nil without a goal, or when a
// figure that it speaks of is missing.
func (g goal) met(leat, goes, floor *float64) *bool {
	yes := false
	switch {
	case leat == nil || g.kind == 0:
		return nil
	case g.kind == 'u':
		yes = *leat <= g.value
	case g.kind == 'x' && goes != nil:
		yes = *goes >= g.value**leat
	case g.kind == 'f' && floor != nil:
		yes = *leat <= g.value**floor
	default:
		return nil
	}
	return &yes
}

// A want is one line of the file of goals.
type want struct {
	name       string
	procs      int
	unit       string
	goal       goal
	floor      string   // the name of a benchmark, or empty
	floorUnits float64  // without a name: a number of units, or 0
	with       []string // NAME=value, for Leat
}

func (w want) isFloor() bool {
	return strings.HasPrefix(w.name, "floor_")
}

// What one unit of a row is in the unit of the programs, ns or bytes.
var units = map[string]float64{"ns": 1, "us": 1e3, "ms": 1e6, "B": 1}

func parseWant(line string) (w want, err error) {
	field := strings.Fields(line)
	if len(field) != 6 {
		return w, fmt.Errorf("want 6 columns, not %d", len(field))
	}
	w.name, w.unit = field[0], field[2]
	if w.procs, err = strconv.Atoi(field[1]); err != nil || w.procs < 1 {
		return w, fmt.Errorf("Ps %q: want a number from 1", field[1])
	}
	if units[w.unit] == 0 {
		return w, fmt.Errorf("unit %q: want ns, us, ms or B", w.unit)
	}
	if w.goal, err = parseGoal(field[3]); err != nil {
		return w, err
	}
	if field[4] != "-" {
		if w.floorUnits, err = strconv.ParseFloat(field[4], 64); err != nil {
			w.floor, err = field[4], nil
		}
	}
	if field[5] != "-" {
		w.with = strings.Split(field[5], ",")
	}
	return w, nil
}

func readGoals(path string) ([]want, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var wants []want
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		w, err := parseWant(line)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %v", path, n, err)
		}
		wants = append(wants, w)
	}
	return wants, lines.Err()
}
