// Report runs the benchmarks of Leat and their twins in Go, prints one table,
// and writes it as JSON.
//
//	a row, with its floor     Leat  Go  Leat  Go  Leat  Go ...   medians
//
// The two take turns, each figure in a process of its own, because a shared
// machine swings from one minute to the next: only neighbours compare.
//
// It builds nothing.  Exit status: 0 when everything ran, goals met or not; 1
// when a benchmark failed; 2 when it was called wrongly.
package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"time"
)

func main() {
	leat := flag.String("leat", "", "the benchmark `program` in C")
	goes := flag.String("go", "", "the test `binary` of perf/go")
	goals := flag.String("goals", "perf/goals", "the `file` of goals")
	results := flag.String("json", "", "write the table to this `file` too")
	only := flag.String("only", "", "only the names that match this `regex`")
	rounds := flag.Int("rounds", 5, "how often each program has its turn")
	each := flag.Duration("time", 100*time.Millisecond, "how long a turn measures")
	flag.Parse()

	match, err := regexp.Compile(*only)
	if err != nil || *rounds < 1 || *each <= 0 || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "report: bad arguments:", err, flag.Args())
		os.Exit(2)
	}
	ok, err := report(programs{*leat, *goes, *each}, *goals, match, *rounds, *results)
	if err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}

// report returns false when a benchmark failed; its row is there without the
// figure.
func report(p programs, goals string, match *regexp.Regexp, rounds int, results string) (bool, error) {
	wants, err := choose(p, goals, match)
	if err != nil {
		return false, err
	}
	t := table{Machine: thisMachine(p.goes)}
	ok := true
	for i, w := range wants {
		progress("%d of %d: %s, Ps: %d", i+1, len(wants), w.name, w.procs)
		r, err := p.row(w.want, w.twin, rounds)
		progress("")
		if err != nil {
			ok = false
			fmt.Fprintf(os.Stderr, "%s, Ps: %d: %v\n", w.name, w.procs, err)
		}
		t.Rows = append(t.Rows, r)
	}
	t.print(os.Stdout)
	if results == "" {
		return ok, nil
	}
	return ok, t.write(results)
}

// row runs both programs in turn.
func (p programs) row(w want, twin bool, rounds int) (row, error) {
	if w.unit == "B" {
		rounds = 1 // memory does not swing
	}
	var leat, goes, floor []float64
	for i := 0; i < rounds; i++ {
		f, err := p.runLeat(w)
		if err != nil {
			return newRow(w, nil, nil, nil), fmt.Errorf("Leat: %w", err)
		}
		leat = append(leat, f[w.name])
		if w.floor != "" {
			floor = append(floor, f[w.floor])
		}
		if !twin {
			continue
		}
		g, err := p.runGo(w)
		if err != nil {
			return newRow(w, leat, nil, floor), fmt.Errorf("Go: %w", err)
		}
		goes = append(goes, g)
	}
	return newRow(w, leat, goes, floor), nil
}

type choice struct {
	want
	twin bool // Go has it too
}

// choose takes the rows that match, and refuses goals without a benchmark and
// benchmarks without a goal.
func choose(p programs, goals string, match *regexp.Regexp) ([]choice, error) {
	wants, err := readGoals(goals)
	if err != nil {
		return nil, err
	}
	leat, goes, err := p.list()
	if err != nil {
		return nil, err
	}
	var chosen []choice
	listed := make(map[string]bool)
	for _, w := range wants {
		listed[w.name] = true
		switch {
		case !leat[w.name] || w.floor != "" && !leat[w.floor]:
			return nil, fmt.Errorf("%s: %s: no such benchmark, or its floor", goals, w.name)
		case w.goal.kind == 'x' && !goes[w.name]:
			return nil, fmt.Errorf("%s: %s: no such benchmark in Go", goals, w.name)
		}
		if match.MatchString(w.name) {
			chosen = append(chosen, choice{w, goes[w.name]})
		}
	}
	for _, names := range []map[string]bool{leat, goes} {
		for name := range names {
			if !listed[name] {
				return nil, fmt.Errorf("%s: no line for %s", goals, name)
			}
		}
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("no benchmark matches %q", match)
	}
	return chosen, nil
}

// progress overwrites one line of a terminal; elsewhere it is silent.
func progress(format string, args ...interface{}) {
	if s, err := os.Stderr.Stat(); err == nil && s.Mode()&os.ModeCharDevice != 0 {
		fmt.Fprintf(os.Stderr, "\r\033[K"+format, args...)
	}
}
