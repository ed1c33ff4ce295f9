package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// canaryRows runs the benchmark and reads its JSON, as anybody's script would.
func canaryRows(t *testing.T, args ...string) (all []map[string]any) {
	t.Helper()
	var out, progress bytes.Buffer
	if err := simulate(append([]string{"canary", "-json"}, args...), &out, &progress); err != nil {
		t.Fatal(err)
	}
	for decoder := json.NewDecoder(&out); decoder.More(); {
		var row map[string]any
		if err := decoder.Decode(&row); err != nil {
			t.Fatal(err)
		}
		all = append(all, row)
	}
	if !strings.Contains(progress.String(), "1 of") {
		t.Errorf("progress %q", progress.String())
	}
	return all
}

func TestCanaryPrintsARowForEachPair(t *testing.T) {
	all := canaryRows(t, "-runs", "4", "-scenario", "^(aa|errors-2x)-(20rps|steps-3-hosts-200rps|visitors-differ-20rps)$")
	judges, scenarios := map[any]int{}, map[any]int{}
	for _, row := range all {
		judges[row["judge"]]++
		scenarios[row["scenario"]]++
		for _, key := range strings.Fields("scenario judge alpha runs rolled_back missed median_min p90_min excess_bad unknown") {
			if _, ok := row[key]; !ok {
				t.Fatalf("no %s in %v", key, row)
			}
		}
	}
	if len(scenarios) != 6 || len(judges) < 15 || len(all) != len(scenarios)*len(judges) {
		t.Errorf("%d rows, scenarios %v, judges %v", len(all), scenarios, judges)
	}
	if all[0]["judge"] != "slipway" || all[0]["runs"] != 4.0 || all[0]["alpha"] != 0.05 {
		t.Errorf("the first row is %v", all[0])
	}
}

// Ours keeps its promise where it is exact, sees harm, and says when it cannot tell.
func TestSlipwayInTheBenchmark(t *testing.T) {
	for _, row := range canaryRows(t, "-runs", "60", "-judge", "^slipway$", "-scenario",
		"^(aa-(0.2rps|by-request-200rps|visitors-(retry|heavy|steps)-200rps|bursts-20-by-visitor-200rps|gaps-200rps|gaps-one-side-200rps|late-30s-200rps|warm-up-settle-200rps)|errors-2x-by-request-200rps|errors-10x-20rps)$") {
		name, rolledBack := row["scenario"].(string), row["rolled_back"].(float64)
		if aa := strings.HasPrefix(name, "aa-"); aa && rolledBack > 0.134 || !aa && rolledBack < 0.95 { // alpha plus three standard errors
			t.Errorf("%v", row)
		}
		if name == "aa-0.2rps" && row["unknown"].(float64)+rolledBack < 1 {
			t.Errorf("next to no traffic, and called healthy: %v", row)
		}
	}
}

func TestCanaryTable(t *testing.T) {
	var out bytes.Buffer
	if err := simulate([]string{"canary", "-runs", "2", "-scenario", "^aa-2rps$", "-judge", "flagger", "-calibrated", "-cadence", "60"}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(out.String(), "\n"); lines != 4 || !strings.HasPrefix(out.String(), "| scenario |") {
		t.Errorf("%s", out.String())
	}
}

func TestBadCanaryFlags(t *testing.T) {
	for _, args := range []string{"-runs 0", "-workers 0", "-alpha 1", "-alpha NaN", "-cadence 15", "-cadence -10", "-scenario (", "-judge (", "-judge nobody", "-scenario nowhere", "more"} {
		if err := simulate(append([]string{"canary"}, strings.Fields(args)...), io.Discard, io.Discard); err == nil {
			t.Errorf("%s was accepted", args)
		}
	}
}

// Rows that a file keeps are printed as they were and not played again; what else is asked for is played and kept.
func TestCanaryKeepsRows(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rows.jsonl")
	args := []string{"-scenario", "^aa-(0.2|2)rps$", "-judge", "^(slipway|flagger-2pct-x5)$", "-runs", "3", "-keep", file}
	first := canaryRows(t, args...)
	kept, err := os.ReadFile(file)
	if err != nil || bytes.Count(kept, []byte("\n")) != 4 || len(first) != 4 {
		t.Fatalf("%d rows, kept %q, %v", len(first), kept, err)
	}
	// Held is what no run of these gives: a row that came from the file shows it.
	marked := bytes.ReplaceAll(kept, []byte(`"held":0,`), []byte(`"held":0.5,`))
	if err := os.WriteFile(file, marked, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range canaryRows(t, args...) {
		if row["held"] != 0.5 {
			t.Errorf("played again: %v", row)
		}
	}
	for _, other := range [][]string{{"-seed", "2"}, {"-runs", "2"}, {"-alpha", "0.01"}, {"-cadence", "60"}, {"-calibrated"}} {
		for _, row := range canaryRows(t, append(slices.Clone(args), other...)...) {
			if row["held"] == 0.5 && !(other[0] == "-cadence" && row["every_s"] == 60.0) { // a judge who looks every minute anyway
				t.Errorf("%v: taken from others: %v", other, row)
			}
		}
	}
	if err := os.WriteFile(file, append(marked, `{"scenario":`...), 0o600); err != nil {
		t.Fatal(err)
	}
	err = simulate(append([]string{"canary"}, args...), io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "rows.jsonl:5 ") {
		t.Errorf("half a row: %v", err)
	}
}
