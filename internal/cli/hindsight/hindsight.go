// Package hindsight is what slipway shadow does: it reads what a team has of its past deploys, has it judged, and tells it. It is apart from package cli for the sake of the latter's size.
package hindsight

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/slipwayhq/slipway/internal/history"
	"github.com/slipwayhq/slipway/internal/prometheus"
	"github.com/slipwayhq/slipway/internal/pure/shadow"
)

// Command is the options of slipway shadow.
type Command struct {
	Logs   []string      `arg:"" optional:"" name:"log" help:"Access logs: combined, common, JSON lines, AWS ALB; plain or gzip. - is standard input."`
	Since  string        `placeholder:"7d" help:"Leave out what was before: a time, a day, or how long ago. By default all of a log, and 7d of a Prometheus."`
	Until  string        `placeholder:"TIME" help:"Leave out what came after."`
	Alpha  float64       `help:"False alarms that are allowed to each good deploy. By default one a month, by how often there are deploys."`
	Settle time.Duration `default:"2m" help:"Leave out so much after a deploy, while processes restart."`
	JSON   bool          `name:"json" help:"Print the report as JSON."`

	Deploys     string `group:"Deploys" placeholder:"FILE" help:"Deploys as CSV: time,release or time,release,host."`
	GitTags     string `group:"Deploys" placeholder:"DIR" help:"Take the tags of a git repository for deploys, by the time they were made."`
	Match       string `group:"Deploys" placeholder:"'v*'" help:"Take only tags that match."`
	Webhooks    string `group:"Deploys" placeholder:"FILE" help:"Deploys as bodies of webhooks, one JSON after the other: deployment, deployment_status or push of GitHub."`
	Environment string `group:"Deploys" placeholder:"NAME" help:"Take only deployments of this environment."`

	Key      map[string]string `group:"Logs" placeholder:"FIELD=KEY" help:"Key of a JSON log where it is another than usual: time, status, path, duration, host, release."`
	HostFrom string            `group:"Logs" placeholder:"REGEXP" help:"Take the host out of a file's path: 'logs/([^/]+)/'."`

	Prometheus      string        `group:"Prometheus" placeholder:"URL" help:"Ask a Prometheus instead of reading logs."`
	Requests        string        `group:"Prometheus" placeholder:"QUERY" help:"Counters of requests by host, or host and release: sum by (instance) (http_requests_total)"`
	Errors          string        `group:"Prometheus" placeholder:"QUERY" help:"Counters of errors by the same labels."`
	Slow            string        `group:"Prometheus" placeholder:"QUERY" help:"Counters of slow requests by the same labels."`
	HostLabel       string        `group:"Prometheus" placeholder:"LABEL" help:"Label that is the host. By default the first there is of instance, pod, host, node."`
	ReleaseLabel    string        `group:"Prometheus" placeholder:"LABEL" help:"Label that is the release. By default the first there is of release, version."`
	Step            time.Duration `group:"Prometheus" default:"1m" help:"Between two samples; at least the scrape interval."`
	Timeout         time.Duration `group:"Prometheus" default:"30s" help:"Patience for one answer."`
	PrometheusToken string        `group:"Prometheus" env:"SLIPWAY_PROMETHEUS_TOKEN" placeholder:"TOKEN" help:"Bearer token, if it wants one."`
}

// Report is what --json prints: the report, and what was read for it.
type Report struct {
	shadow.Report
	history.Read
}

// Judge reads it all and judges it.
func (c *Command) Judge(ctx context.Context, stdin io.Reader) (r Report, err error) {
	deploys, err := history.Deploys{CSV: c.Deploys, Tags: c.GitTags, Match: c.Match, Webhooks: c.Webhooks, Environment: c.Environment}.Read(ctx)
	if err != nil {
		return r, err
	}
	traffic, read, err := history.Source{
		Logs: history.Logs{Files: c.Logs, Stdin: stdin, Keys: c.Key}, HostFrom: c.HostFrom, Since: c.Since, Until: c.Until,
		Server: c.Prometheus, Options: prometheus.Options{Timeout: c.Timeout, Token: c.PrometheusToken},
		Counters: history.Counters{Requests: c.Requests, Errors: c.Errors, Slow: c.Slow, HostLabel: c.HostLabel, ReleaseLabel: c.ReleaseLabel, Step: c.Step},
	}.Read(ctx, time.Now())
	if err != nil {
		return r, err
	}
	o := shadow.Options{Alpha: c.Alpha, Settle: c.Settle, In: time.Local}
	if c.Settle == 0 {
		o.Settle = -1 // none was asked for
	}
	r.Read = read
	r.Report, err = shadow.Judge(traffic, deploys, o)
	r.Report.Notes = append(r.Report.Notes, read.Notes()...)
	return r, err
}

// Bad tells whether a deploy would have been taken back, or looks bad.
func (r *Report) Bad() bool { return r.Score.TakenBack+r.Score.Indicated > 0 }

// Judged tells whether anything could be judged.
func (r *Report) Judged() bool { return r.Score.SideBySide+r.Score.BeforeAndAfter > 0 }

// Tell writes the report for people.
func (r *Report) Tell(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "DEPLOYED\tRELEASE\tJUDGED\tVERDICT\tAT\tSPARED\tBACK")
	for _, d := range r.Deploys {
		judged, verdict := strings.ReplaceAll(string(d.Method), "_", " "), strings.ReplaceAll(string(d.Verdict), "_", " ")
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%d\t%s\n", d.Time.Local().Format("2006-01-02 15:04"), d.Release, judged, verdict, hour(d.At), d.Spared, hour(d.WentBack))
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	fmt.Fprintln(w)
	for _, d := range r.Deploys {
		fmt.Fprintln(w, d.Sentence)
	}
	fmt.Fprintf(w, "\n%s\n", r.Summary)
	for _, note := range r.Report.Notes {
		fmt.Fprintf(w, "Note: %s.\n", note)
	}
	return nil
}

// hour is a moment of a day, - for none.
func hour(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.Local().Format("15:04")
}
