package cli

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/prometheus/promtest"
)

// accessLog is a site for 30 hours, in which errors rise to three times as many at the 24th hour where it is bad.
func accessLog(bad bool) string {
	r := rand.New(rand.NewPCG(6, 1))
	var b strings.Builder
	start := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	for second := range 30 * 3600 {
		stamp := start.Add(time.Duration(second) * time.Second).Format("02/Jan/2006:15:04:05 -0700")
		for range 2 + r.IntN(3) {
			status, rate := 200, 0.01
			if bad && second >= 24*3600 {
				rate = 0.03
			}
			if r.Float64() < rate {
				status = 502
			}
			fmt.Fprintf(&b, "203.0.113.9 - - [%s] \"GET /product/%d HTTP/1.1\" %d 612 \"-\" \"curl/8\" 0.0%d\n", stamp, r.IntN(1000), status, 10+r.IntN(90))
		}
	}
	return b.String()
}

func TestShadowSaysWhatWouldHaveBeen(t *testing.T) {
	reference, err := os.ReadFile("../../docs/reference/cli.md")
	must(t, err)
	alone(t)
	dir := t.TempDir()
	csv := filepath.Join(dir, "deploys.csv")
	must(t, os.WriteFile(csv, []byte("time,release\n2026-11-24T10:00:00Z,v1\n2026-11-25T00:00:00Z,v2\n2026-11-25T04:00:00Z,v1\n"), 0o600))
	early := filepath.Join(dir, "early.csv")
	must(t, os.WriteFile(early, []byte("time,release\n2020-11-24T10:00:00Z,v1\n"), 0o600))

	local := func(day, hour int, layout string) string {
		return time.Date(2026, 11, day, hour, 0, 0, 0, time.UTC).Local().Format(layout)
	}
	log := "half a line\n" + accessLog(true)
	status, out, errs := run(t, log, "shadow", "--deploys", csv, "-")
	for _, want := range []string{"DEPLOYED", "v2, " + local(25, 0, "Mon 2 Jan 15:04") + ": looks bad from " + local(25, 0, "15:"), "Before and after, an indication", "errors rose from", "The team went back at " + local(25, 4, "15:04"),
		"v1, " + local(24, 10, "Mon 2 Jan 15:04") + ": nothing to see, before and after", "moments without a deploy", "Note: 1 of", "half a line"} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not say %q:\n%s", want, out)
		}
	}
	if status != 1 || errs != "" || strings.Contains(out, "would have been taken back at") {
		t.Errorf("status %d, %s", status, errs)
	}
	status, out, _ = run(t, log, "shadow", "--deploys", csv, "-", "--json")
	row := regexp.MustCompile("(?m)^\\| `shadow` \\| `([^`]+)`").FindStringSubmatch(string(reference))
	if row == nil {
		t.Fatal("the reference has no fields of slipway shadow")
	}
	var report map[string]any
	must(t, json.Unmarshal([]byte(out), &report))
	deploys, _ := report["deploys"].([]any)
	for _, name := range strings.Fields(strings.NewReplacer("[]", "", "{", " ", "}", " ").Replace(row[1])) {
		_, here := report[name]
		for _, part := range append(deploys, report["score"]) {
			if _, ok := part.(map[string]any)[name]; ok {
				here = true
			}
		}
		if !here && name != "prometheus" {
			t.Errorf("there is no %s, which the reference promises", name)
		}
	}
	if status != 1 || len(deploys) != 3 {
		t.Errorf("status %d, %d deploys", status, len(deploys))
	}
	if status, out, _ := run(t, accessLog(false), "shadow", "--deploys", csv, "-"); status != 0 || strings.Contains(out, "looks bad from") {
		t.Errorf("status %d where nothing was bad:\n%s", status, out)
	}
	if status, out, _ := run(t, accessLog(false), "shadow", "--deploys", early, "-"); status != 2 || !strings.Contains(out, "does not cover it") {
		t.Errorf("status %d where nothing could be judged:\n%s", status, out)
	}
}

func TestWithoutAReportShadowSaysWhy(t *testing.T) {
	alone(t)
	deploys := filepath.Join(t.TempDir(), "deploys.csv")
	must(t, os.WriteFile(deploys, []byte("time,release\n2026-11-29T00:00:00Z,v1\n"), 0o600))
	line := `203.0.113.9 - - [29/Nov/2026:00:00:01 +0000] "GET /a HTTP/1.1" 200 612` + "\n"
	for args, want := range map[string]string{
		"":                                  "access logs, or --prometheus",
		"-":                                 "--deploys",
		"nowhere.log":                       "no such file",
		"- --deploys nowhere.csv":           "no such file",
		"- --git-tags nowhere":              "nowhere",
		"- --since soon":                    "no moment",
		"- --prometheus http://127.0.0.1:1": "access logs, or --prometheus",
		"--prometheus http://127.0.0.1:1 --requests a --errors b": "refused",
		"--prometheus here":                  "http://prometheus:9090",
		"- --key colour=x":                   "FIELD is one of",
		"- --alpha x":                        "--alpha",
		"- --settle 2h --deploys " + deploys: "at most 30 minutes",
	} {
		status, out, errs := run(t, line, append([]string{"shadow"}, strings.Fields(args)...)...)
		if status != exitNotJudged || out != "" || !strings.Contains(errs, want) {
			t.Errorf("slipway shadow %s: status %d, %q, %s", args, status, errs, out)
		}
	}
}

// What the guide shows is what a reader gets who follows it.
func TestTheGuideOfShadowIsTrue(t *testing.T) {
	if _, offset := time.Date(2026, 11, 25, 0, 0, 0, 0, time.Local).Zone(); offset != 0 {
		t.Skip("the guide is written in UTC")
	}
	guide, err := os.ReadFile("../../docs/guides/shadow.md")
	must(t, err)
	dir := t.TempDir()
	shop := filepath.Join(dir, "shop")
	logs := exec.CommandContext(t.Context(), "go", "run", "../../examples/accesslog", "-out", shop)
	if out, err := logs.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	alone(t)
	args := []string{"shadow", "--deploys", shop + "/deploys.csv", "--host-from", "shop/([^/]+)/"}
	for _, host := range []string{"web-1", "web-2", "web-3"} {
		args = append(args, filepath.Join(shop, host, "access.log.gz"))
	}
	status, out, _ := run(t, "", args...)
	table, rest, _ := strings.Cut(out, "\n\n")
	if !strings.Contains(string(guide), table) || status != 1 {
		t.Errorf("status %d; the guide shows another table than\n%s", status, table)
	}
	for line := range strings.Lines(rest) {
		quoted := strings.Contains(string(guide), "> "+strings.TrimSpace(line)+"\n")
		if (strings.HasPrefix(line, "v4, ") || strings.HasPrefix(line, "v7, ") || strings.HasPrefix(line, "7 deploys") || strings.HasPrefix(line, "Would have") || strings.HasPrefix(line, "False alarms")) && !quoted {
			t.Errorf("the guide does not quote: %s", line)
		}
	}
}

// The same from a real Prometheus: a site for 30 hours that fails as often after its deploy as before.
func TestShadowAsksAPrometheus(t *testing.T) {
	start := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	var ok, failed strings.Builder
	r, errs := rand.New(rand.NewPCG(2, 1)), 0
	for m := range 30 * 60 {
		at := start.Add(time.Duration(m) * time.Minute).Unix()
		errs += r.IntN(9)
		fmt.Fprintf(&ok, "http_requests_total{instance=\"a\",code=\"200\"} %d %d\n", 400*m, at)
		fmt.Fprintf(&failed, "http_requests_total{instance=\"a\",code=\"500\"} %d %d\n", errs, at)
	}
	server := promtest.Start(t, promtest.Options{History: "# TYPE http_requests counter\n" + ok.String() + failed.String() + "# EOF\n"})
	alone(t)
	must(t, os.WriteFile("deploys.csv", []byte("time,release\n2026-11-24T20:00:00Z,v1\n"), 0o600))
	status, out, _ := run(t, "", "shadow", "--deploys", "deploys.csv", "--prometheus", server, "--since", "2026-11-24", "--until", "2026-11-25T05:59:00Z", "--json",
		"--requests", "sum by (instance) (http_requests_total)", "--errors", `sum by (instance) (http_requests_total{code=~"5.."})`)
	var report struct {
		Requests, Errors int64
		Deploys          []struct{ Verdict string }
		Prometheus       struct{ Steps int }
	}
	must(t, json.Unmarshal([]byte(out), &report))
	if status != 0 || report.Prometheus.Steps != 30*60-1 || report.Requests < 400*1799 || report.Errors < 1799*3 || len(report.Deploys) != 1 || report.Deploys[0].Verdict != "nothing_seen" {
		t.Errorf("status %d, %+v", status, report)
	}
}
