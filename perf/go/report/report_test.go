package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestGoalsAreMetAtTheirBoundAndMissedBeyond(t *testing.T) {
	ten, hundred, most := 10.0, 100.0, 101.0
	for _, c := range []struct {
		text              string
		leat, goes, floor *float64
		met               bool
	}{
		{">=10x", &ten, &hundred, nil, true},
		{">=10.1x", &ten, &hundred, nil, false},
		{"<=10f", &hundred, nil, &ten, true},
		{"<=10f", &most, nil, &ten, false},
		{"<=100", &hundred, nil, nil, true},
		{"<=100", &most, nil, nil, false},
	} {
		g, err := parseGoal(c.text)
		if err != nil {
			t.Fatal(err)
		}
		met := g.met(c.leat, c.goes, c.floor)
		if met == nil || *met != c.met {
			t.Errorf("%s: met is %v", c.text, met)
		}
	}
}

func TestAGoalWithoutItsFigureIsNeitherMetNorMissed(t *testing.T) {
	ten := 10.0
	for _, text := range []string{">=1x", "<=1f", "-"} {
		g, err := parseGoal(text)
		if err != nil || g.met(&ten, nil, nil) != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestALineThatMakesNoSenseIsNamedByNumber(t *testing.T) {
	path := filepath.Join(t.TempDir(), "goals")
	for _, line := range []string{
		"yield 1 ns >=8x -", "yield 0 ns >=8x - -", "yield 1 s >=8x - -",
		"yield 1 ns 8x - -", "yield 1 ns >=x - -", "yield 1 ns <=-1f - -",
	} {
		text := "# head\n\n" + line + "\n"
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		_, err := readGoals(path)
		if err == nil || !strings.HasPrefix(err.Error(), path+":3: ") {
			t.Errorf("%s: %v", line, err)
		}
	}
}

func TestTheGoalsThatAreKeptParse(t *testing.T) {
	wants, err := readGoals("../../goals")
	if err != nil || len(wants) == 0 {
		t.Fatal(len(wants), err)
	}
}

func TestGoFiguresAreRead(t *testing.T) {
	for text, want := range map[string]float64{
		"cpu: x\nBenchmark_ring-2 \t 10\t 61.5 ns/op\nPASS": 61.5,
		"Benchmark_ring 1\t 9e4 ns/op\t 3.25 each":          3.25,
	} {
		got, err := parseGo([]byte(text), "ring")
		if err != nil || got != want {
			t.Errorf("%v, %v", got, err)
		}
	}
	if _, err := parseGo([]byte("Benchmark_rings 1 2 ns/op"), "ring"); err == nil {
		t.Error("another benchmark's figure was taken")
	}
}

func TestLeatFiguresAreRead(t *testing.T) {
	text := []byte(`{"context": {"procs": "2"}, "benchmarks": [
		{"name": "a/manual_time", "real_time": 1.5, "time_unit": "ns"},
		{"name": "b/iterations:1/manual_time", "real_time": 7, "each": 3}]}`)
	got, err := parseLeat(text, 2)
	if err != nil || got["a"] != 1.5 || got["b"] != 3 {
		t.Error(got, err)
	}
	if _, err := parseLeat(text, 1); err == nil {
		t.Error("figures of another number of Ps were taken")
	}
}

func TestTheMedianIsTheMiddle(t *testing.T) {
	if m := median([]float64{9, 1, 5}); *m != 5 {
		t.Error(*m)
	}
	if m := median([]float64{4, 1, 2, 9}); *m != 3 {
		t.Error(*m)
	}
}
