package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
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
	} {
		status, out, errs := run(t, counts(1, 1), strings.Fields(line)...)
		if status != exitNotJudged || !strings.Contains(errs, want) || out != "" {
			t.Errorf("slipway %s: status %d, %q lacks %q", line, status, errs, want)
		}
	}
}
