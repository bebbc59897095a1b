module leat/perf

go 1.19
