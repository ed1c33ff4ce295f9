package history

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/slipwayhq/slipway/internal/prometheus"
	"github.com/slipwayhq/slipway/internal/pure/accesslog"
	"github.com/slipwayhq/slipway/internal/pure/shadow"
)

// Source says where requests were counted: in logs, or by a Prometheus.
type Source struct {
	Logs         Logs
	Counters     Counters
	Server       string // of Prometheus; empty for logs
	Options      prometheus.Options
	HostFrom     string // see Logs.HostFrom
	Since, Until string // see When
}

// Read says what was read.
type Read struct {
	Log      *accesslog.Summary `json:"log,omitempty"`
	Counters *Known             `json:"prometheus,omitempty"`
}

// Read reads all of it. now is what how long ago is meant from, and until when a Prometheus is asked.
func (s Source) Read(ctx context.Context, now time.Time) (*shadow.Traffic, Read, error) {
	since, err1 := When(s.Since, now)
	until, err2 := When(s.Until, now)
	if err := errors.Join(err1, err2); err != nil {
		return nil, Read{}, err
	}
	if (len(s.Logs.Files) == 0) == (s.Server == "") {
		return nil, Read{}, errors.New("name access logs, or --prometheus URL")
	}
	if s.Server != "" {
		return s.counters(ctx, since, until, now)
	}
	l := s.Logs
	l.Since, l.Until = since, until
	if s.HostFrom != "" {
		var err error
		if l.HostFrom, err = regexp.Compile(s.HostFrom); err != nil {
			return nil, Read{}, fmt.Errorf("--host-from: %w", err)
		}
	}
	traffic, summary, err := l.Read(ctx)
	return traffic, Read{Log: &summary}, err
}

func (s Source) counters(ctx context.Context, since, until, now time.Time) (*shadow.Traffic, Read, error) {
	client, err := prometheus.New(s.Server, s.Options)
	if err != nil {
		return nil, Read{}, err
	}
	defer client.Close()
	q := s.Counters
	if q.Until = until; until.IsZero() {
		q.Until = now
	}
	if q.Since = since; since.IsZero() {
		q.Since = q.Until.AddDate(0, 0, -7)
	}
	traffic, known, err := q.Read(ctx, client)
	return traffic, Read{Counters: &known}, err
}

// Notes say what was left out, and why.
func (r Read) Notes() (notes []string) {
	if r.Log != nil {
		for _, p := range r.Log.Problems {
			notes = append(notes, fmt.Sprintf("%d of %d lines were left out: %s, such as line %d: %s", p.Lines, r.Log.Lines, p.Reason, p.Line, p.Example))
		}
	}
	if r.Counters != nil && r.Counters.Gaps.Sum() > 0 {
		g := r.Counters.Gaps
		notes = append(notes, fmt.Sprintf("%d steps were counted, and %d left out: %d without a sample, %d in which a counter began anew, %d that are no counts", r.Counters.Steps, g.Sum(), g.Missing, g.Resets, g.NoValue))
	}
	return notes
}
