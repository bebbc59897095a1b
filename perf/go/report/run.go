package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"time"
)

// Longer than any benchmark takes; then it hangs.
const patience = 2 * time.Minute

// run returns what the program prints on stdout; its stderr goes into the
// error, if there is one.
func run(env []string, path string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var out, complaint bytes.Buffer
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = &out, &complaint
	err := cmd.Run()
	if ctx.Err() != nil {
		err = fmt.Errorf("no end after %v", patience)
	}
	if err != nil {
		err = fmt.Errorf("%v: %s", err, strings.TrimSpace(complaint.String()))
	}
	return out.Bytes(), err
}

// The two programs, and how long they are to measure.
type programs struct {
	leat, goes string
	time       time.Duration
}

// runLeat measures w and its floor, if that is a benchmark: in one process,
// unless w has settings, which are not the floor's.
func (p programs) runLeat(w want) (map[string]float64, error) {
	if w.floor == "" {
		return p.measure(w.procs, w.with, w.name)
	}
	if len(w.with) == 0 {
		return p.measure(w.procs, nil, w.name, w.floor)
	}
	figures, err := p.measure(w.procs, w.with, w.name)
	if err != nil {
		return nil, err
	}
	floor, err := p.measure(w.procs, nil, w.floor)
	figures[w.floor] = floor[w.floor]
	return figures, err
}

func (p programs) measure(procs int, with []string, names ...string) (map[string]float64, error) {
	env := append([]string{fmt.Sprintf("LEAT_PROCS=%d", procs)}, with...)
	out, err := run(env, p.leat, "--benchmark_format=json",
		fmt.Sprintf("--benchmark_filter=^(%s)/", strings.Join(names, "|")),
		fmt.Sprintf("--benchmark_min_time=%g", p.time.Seconds()))
	if err != nil {
		return nil, err
	}
	figures, err := parseLeat(out, procs)
	for _, name := range names {
		if err == nil && figures[name] <= 0 {
			err = fmt.Errorf("no figure in: %s", out)
		}
	}
	return figures, err
}

// What Google Benchmark writes, as far as it is of use here.
type googleReport struct {
	Context struct {
		Procs string
	}
	Benchmarks []struct {
		Name     string
		RealTime float64 `json:"real_time"` // in ns
		Each     *float64
	}
}

func parseLeat(out []byte, procs int) (map[string]float64, error) {
	var r googleReport
	if err := json.Unmarshal(out, &r); err != nil {
		return nil, fmt.Errorf("not the JSON of Google Benchmark: %v", err)
	}
	if r.Context.Procs != strconv.Itoa(procs) {
		return nil, fmt.Errorf("ran with %s Ps", r.Context.Procs)
	}
	figures := make(map[string]float64)
	for _, b := range r.Benchmarks {
		name := strings.SplitN(b.Name, "/", 2)[0]
		figures[name] = b.RealTime
		if b.Each != nil {
			figures[name] = *b.Each
		}
	}
	return figures, nil
}

// runGo measures w, once if it says so itself.
func (p programs) runGo(w want) (float64, error) {
	time := p.time.String()
	if w.unit == "B" {
		time = "1x"
	}
	out, err := run(nil, p.goes, "-test.run=^$", "-test.benchtime="+time,
		"-test.bench=^Benchmark_"+regexp.QuoteMeta(w.name)+"$",
		fmt.Sprintf("-test.cpu=%d", w.procs))
	if err != nil { // a test complains on stdout
		return 0, fmt.Errorf("%v%s", err, out)
	}
	return parseGo(out, w.name)
}

// parseGo reads "Benchmark_name-2   100   61.5 ns/op   3.2 each".
func parseGo(out []byte, name string) (float64, error) {
	for _, line := range strings.Split(string(out), "\n") {
		field := strings.Fields(line)
		if len(field) < 4 || strings.SplitN(field[0], "-", 2)[0] != "Benchmark_"+name {
			continue
		}
		figure := map[string]string{}
		for i := 2; i+1 < len(field); i += 2 {
			figure[field[i+1]] = field[i]
		}
		if figure["each"] == "" {
			figure["each"] = figure["ns/op"]
		}
		return strconv.ParseFloat(figure["each"], 64)
	}
	return 0, fmt.Errorf("no figure in: %s", strings.TrimSpace(string(out)))
}

// The names that each program knows.
func (p programs) list() (leat, goes map[string]bool, err error) {
	out, err := run(nil, p.leat, "--benchmark_list_tests")
	if err != nil {
		return nil, nil, err
	}
	leat = make(map[string]bool)
	for _, name := range strings.Fields(string(out)) {
		leat[strings.SplitN(name, "/", 2)[0]] = true
	}
	out, err = run(nil, p.goes, "-test.list=^Benchmark_")
	if err != nil {
		return nil, nil, err
	}
	goes = make(map[string]bool)
	for _, name := range strings.Fields(string(out)) {
		goes[strings.TrimPrefix(name, "Benchmark_")] = true
	}
	return leat, goes, nil
}

func median(v []float64) *float64 {
	if len(v) == 0 {
		return nil
	}
	v = append([]float64(nil), v...)
	sort.Float64s(v)
	m := (v[(len(v)-1)/2] + v[len(v)/2]) / 2
	return &m
}
