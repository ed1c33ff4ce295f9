package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/pure/judge"
	"github.com/slipwayhq/slipway/internal/pure/replay"
)

// counts is a rollout on ten hosts, two of which get the new release after a minute; it fails so many of its hundred requests a second, and they are so many times as many.
func counts(bad, times int) string {
	var b strings.Builder
	b.WriteString("second,host,release,requests,errors\n")
	for second := range 120 {
		for host := range 10 {
			release, requests, errs := "old", 100, (second+host)%2
			if second >= 60 && host < 2 {
				release, requests, errs = "new", 100*times, times*bad*errs
			}
			fmt.Fprintf(&b, "%d,web-%d,%s,%d,%d\n", second, host, release, requests, errs)
		}
	}
	return b.String()
}

func TestJudgeSaysItByItsStatus(t *testing.T) {
	alone(t)
	few := strings.Join(strings.SplitAfter(counts(1, 1), "\n")[:620], "")
	for _, c := range []struct {
		csv, verdict, says string
		status             int
	}{
		{counts(1, 1), "healthy", "Healthy", 0},
		{counts(4, 1), "regressed", "Regressed, at second 6", 1},
		{few, "unknown", "Unknown", 2},
		{counts(1, 5), "wrong_split", "The split is wrong", 3},
	} {
		status, out, errs := run(t, c.csv, "judge", "--csv", "-", "--json")
		var result struct {
			Verdict, Vital   string
			AtSecond         int64   `json:"at_second"`
			EValue           float64 `json:"e_value"`
			Ratio, Threshold float64
			Reasons          []string
		}
		must(t, json.Unmarshal([]byte(out), &result))
		if status != c.status || result.Verdict != c.verdict || len(result.Reasons) == 0 || result.Vital != "errors" || result.AtSecond < 60 || errs != "" {
			t.Errorf("%s: status %d, %+v, %s", c.verdict, status, result, errs)
		}
		if status, out, _ := run(t, c.csv, "judge", "--csv", "-"); status != c.status || !strings.Contains(out, c.says) || !strings.Contains(out, "EVIDENCE") {
			t.Errorf("%s: status %d\n%s", c.verdict, status, out)
		}
	}
}

func TestWithoutAVerdictJudgeSaysWhy(t *testing.T) {
	alone(t)
	file := filepath.Join(t.TempDir(), "counts.csv")
	must(t, os.WriteFile(file, []byte("second,host,release,requests,errors\n1,a,old,NaN,0\n2,a,young,1,2\n"), 0o600))
	for line, want := range map[string]string{
		"judge --csv " + file: "line 3: release", "judge --csv nowhere.csv": "no such file", "judge --csv - --alpha 7": "alpha 7", "judge --csv - --share 0%": "--share",
		"judge --csv - --rule-out much": "--rule-out", "judge --csv - --drop orders": `no vital "orders"`, "judge": "--csv", "judge 3 --csv -": "not both", "judge 3 --share 10%": "for a file", "judge --csv - --alpha x": "--alpha",
		"judge 3 --alpha 7": "--alpha 7: write", "judge 3 --margin 2": "--margin 2: write",
	} {
		status, out, errs := run(t, counts(1, 1), strings.Fields(line)...)
		if status != exitNotJudged || !strings.Contains(errs, want) || out != "" {
			t.Errorf("slipway %s: status %d, %q lacks %q", line, status, errs, want)
		}
	}
}

// Of a past rollout it is said when, what was said at its time, and how far the evidence went in numbers that people write.
func TestARolloutJudgedAgainInWords(t *testing.T) {
	var out bytes.Buffer
	p := &program{stdout: &out}
	r := replay.Result{
		Verdict: judge.Unknown, AtSecond: 1_795_942_076, Alpha: .001, RuleOut: 2, SplitBy: "visitors", Judged: 1083, LeftOut: 33,
		Vitals: []judge.VitalEvidence{{Name: "errors", Outcome: judge.Unknown, Peak: 1.637, Threshold: 3.3467}},
	}
	must(t, (&judgeCmd{}).tell(p, r, "At its time the verdict was regressed."))
	for _, want := range []string{"Unknown, at 2026-1", "\nAt its time the verdict was regressed.\n", "43 to 1, acts at 2,222", "rules out 2x", "1,083 judged, 33 left out"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "Rows") {
		t.Errorf("a rollout has no rows:\n%s", out.String())
	}
}
