package main

import (
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime"
	"strings"
	"text/tabwriter"
)

type machine struct {
	CPU      string   `json:"cpu"`
	Cores    int      `json:"cores"`
	Load     string   `json:"load"` // of the minute before, by others
	Kernel   string   `json:"kernel"`
	Go       string   `json:"go"`
	Settings []string `json:"settings"` // of the environment, that matter
}

// A missing figure is null.
type row struct {
	Name  string   `json:"name"`
	Procs int      `json:"procs"`
	Unit  string   `json:"unit"`
	Leat  *float64 `json:"leat"`
	Go    *float64 `json:"go"`
	Ratio *float64 `json:"ratio"` // Go / Leat: how many times faster
	Floor *float64 `json:"floor"`
	Goal  string   `json:"goal"`
	Met   *bool    `json:"met"`
}

type table struct {
	Machine machine `json:"machine"`
	Rows    []row   `json:"rows"`
}

// newRow takes figures in ns or bytes.
func newRow(w want, leat, goes, floor []float64) row {
	r := row{Name: w.name, Procs: w.procs, Unit: w.unit, Goal: w.goal.text}
	r.Leat, r.Go, r.Floor = w.figure(leat), w.figure(goes), w.figure(floor)
	if w.floorUnits > 0 {
		r.Floor = &w.floorUnits
	}
	if w.isFloor() {
		r.Leat, r.Floor = nil, r.Leat
	}
	if r.Leat != nil && r.Go != nil {
		ratio := *r.Go / *r.Leat
		r.Ratio = &ratio
	}
	r.Met = w.goal.met(r.Leat, r.Go, r.Floor)
	return r
}

// The median, in the row's unit.
func (w want) figure(v []float64) *float64 {
	m := median(v)
	if m != nil {
		*m /= units[w.unit]
	}
	return m
}

func thisMachine(goTest string) machine {
	m := machine{CPU: runtime.GOARCH, Cores: runtime.NumCPU(), Settings: []string{}}
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		model := regexp.MustCompile(`(?m)^model name\s*: (.*)$`)
		if found := model.FindSubmatch(text); found != nil {
			m.CPU = string(found[1])
		}
	}
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.Load = strings.SplitN(string(text), " ", 2)[0]
	}
	if text, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.Kernel = strings.TrimSpace(string(text))
	}
	if info, err := buildinfo.ReadFile(goTest); err == nil {
		m.Go = strings.TrimPrefix(info.GoVersion, "go")
	}
	matters := regexp.MustCompile(`^(LEAT_\w+|GOGC|GOMEMLIMIT|GODEBUG)=`)
	for _, setting := range os.Environ() {
		if matters.MatchString(setting) {
			m.Settings = append(m.Settings, setting)
		}
	}
	return m
}

func (t table) print(to io.Writer) {
	m := t.Machine
	fmt.Fprintf(to, "%s, %d cores, Linux %s, load %s", m.CPU, m.Cores, m.Kernel, m.Load)
	for _, setting := range m.Settings {
		fmt.Fprintf(to, ", %s", setting)
	}
	fmt.Fprint(to, "\n\n")

	w := tabwriter.NewWriter(to, 0, 0, 3, ' ', tabwriter.AlignRight)
	longest := len("name")
	for _, r := range t.Rows {
		if len(r.Name) > longest {
			longest = len(r.Name)
		}
	}
	// The name stands on the left of its column, by padding it.
	fmt.Fprintf(w, "%-*s\tPs\tunit\tLeat\tGo %s\tratio\tfloor\tgoal\t\t\n", longest, "name", m.Go)
	for _, r := range t.Rows {
		fmt.Fprintf(w, "%-*s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n",
			longest, r.Name, r.Procs, r.Unit, number(r.Leat), number(r.Go),
			times(r.Ratio), number(r.Floor), r.Goal, verdict(r))
	}
	w.Flush()
}

// Three digits that mean something.
func number(v *float64) string {
	switch {
	case v == nil:
		return ""
	case *v < 10:
		return fmt.Sprintf("%.2f", *v)
	case *v < 100:
		return fmt.Sprintf("%.1f", *v)
	}
	return fmt.Sprintf("%.0f", *v)
}

func times(v *float64) string {
	if v == nil {
		return ""
	}
	return number(v) + "x"
}

func verdict(r row) string {
	switch {
	case r.Goal == "":
		return ""
	case r.Met == nil:
		return "failed"
	case *r.Met:
		return "met"
	}
	return "missed"
}

func (t table) write(path string) error {
	text, err := json.MarshalIndent(t, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o666)
}
