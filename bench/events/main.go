package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/slipwayhq/slipway/bench/rig"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/pure/capture"
)

// The targets, for two processors.
const (
	batchTarget, singleTarget = 20_000, 5_000 // events a second
	ackTarget                 = 25            // ms, p99 at 1,000 requests a second
	logTarget                 = 0.7           // of what the log alone takes
)

func main() {
	last := flag.Duration("for", 20*time.Second, "how long each load lasts")
	rows := flag.Int("rows", 2_000_000, "events in the store that is asked")
	visitors := flag.Int("visitors", 200_000, "visitors in it")
	part := flag.String("part", "", "throughput, fair or questions alone")
	flag.Parse()
	rig.Main(func(ctx context.Context, r *rig.Rig) error {
		known := false
		for _, p := range []struct {
			name    string
			measure func() error
		}{
			{"throughput", func() error { return throughput(ctx, r, *last) }},
			{"fair", func() error { return fairness(ctx, r, *last/2) }},
			{"questions", func() error { return questions(ctx, r, *rows, *visitors) }},
		} {
			if *part != "" && *part != p.name {
				continue
			}
			known = true
			if err := p.measure(); err != nil {
				return err
			}
			fmt.Println()
		}
		if !known {
			return fmt.Errorf("there is no part %q; -part takes throughput, fair or questions", *part)
		}
		return nil
	})
}

// loaded is what slipway load events prints.
type loaded struct {
	Sent, Refused, Lost, Duplicated int64
	Rate                            float64
	P50                             float64 `json:"ack_p50_ms"`
	P99                             float64 `json:"ack_p99_ms"`
	Stored                          int64   `json:"stored_ms"`
}

func throughput(ctx context.Context, r *rig.Rig, last time.Duration) error {
	before := rig.Load()
	alone, err := logAlone(ctx, r, last/2)
	if err != nil {
		return err
	}
	s, err := r.Serve(ctx, "server", false)
	if err != nil {
		return err
	}
	if err := s.Call(ctx, "POST", "/v1/apps", `{"name":"shop"}`, nil); err != nil {
		return err
	}
	if err := s.Call(ctx, "POST", "/v1/apps/shop/sources", `{"name":"web"}`, nil); err != nil {
		return err
	}
	idle, _, err := s.Memory()
	if err != nil {
		return err
	}
	var rows [][]string
	var lost int64
	for _, one := range []struct {
		name   string
		load   load
		met    func(loaded) bool
		target string
	}{
		{"batches of 100, as fast as it goes", load{app: "shop", rate: 1_000_000, batch: 100, senders: 24}, func(l loaded) bool { return l.Rate >= batchTarget }, fmt.Sprint(batchTarget, " a second")},
		{"single events, as fast as it goes", load{app: "shop", rate: 1_000_000, batch: 1, senders: 128}, func(l loaded) bool { return l.Rate >= singleTarget }, fmt.Sprint(singleTarget, " a second")},
		{"single events, 1,000 a second", load{app: "shop", rate: 1000, batch: 1, senders: 128}, func(l loaded) bool { return l.P99 <= ackTarget }, fmt.Sprint("p99 ", ackTarget, " ms")},
	} {
		l, err := run(ctx, r, s, one.load, last)
		if err != nil {
			return err
		}
		memory, _, err := s.Memory()
		if err != nil {
			return err
		}
		lost += l.Lost + l.Duplicated
		rows = append(rows, []string{
			one.name, fmt.Sprintf("%.0f", l.Rate), fmt.Sprintf("%.2f", l.Rate/alone), fmt.Sprintf("%.1f", l.P50), fmt.Sprintf("%.1f", l.P99), fmt.Sprintf("%.1f", float64(l.Stored)/1000), rig.MiB(memory), one.target, rig.Verdict(one.met(l)),
		})
	}
	if err := visible(ctx, r, s, last); err != nil {
		return err
	}
	s.Stop()
	rows = append([][]string{{"the log alone, atomic batches of 1,000", fmt.Sprintf("%.0f", alone), "1", "", "", "", "", fmt.Sprint(logTarget, " of it"), ""}}, rows...)
	if err := rig.Table(os.Stdout, []string{"", "events/s", "of the log", "ack p50 ms", "p99", "all stored after s", "MiB", "target", ""}, rows); err != nil {
		return err
	}
	_, err = fmt.Printf("lost or there twice: %d; memory before: %s MiB; load before %s, after %s\n", lost, rig.MiB(idle), before, rig.Load())
	return err
}

// logAlone is how many events a second the log takes in full atomic batches.
func logAlone(ctx context.Context, r *rig.Rig, last time.Duration) (perSecond float64, err error) {
	j, err := journal.Open(ctx, journal.Options{Dir: r.Path("log-alone")})
	if err != nil {
		return 0, err
	}
	running, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { err = errors.Join(err, j.Run(running)) })
	defer func() { stop(); wg.Wait(); j.Close() }()
	raw, err := json.Marshal(capture.Event{
		ID: "0123456789ab-1234567", App: "shop", Environment: "production", Source: "src_01a22780d9687d37a877458b131877cc", Kind: capture.Track, Name: "product_viewed", User: "user-12345",
		Time: time.Now().UTC(), Original: time.Now().UTC(), Sent: time.Now().UTC(), Received: time.Now().UTC(),
		Properties: json.RawMessage(`{"run":"0123456789ab","n":1234567,"plan":"pro","price":12.9}`), Context: json.RawMessage(`{"ip":"127.0.0.0","page":{"path":"/products/shoes"},"userAgent":"Go-http-client/1.1"}`),
	})
	if err != nil {
		return 0, err
	}
	batch := make([][]byte, 1000)
	for i := range batch {
		batch[i] = raw
	}
	n, begin := 0, time.Now()
	for time.Since(begin) < last {
		if err := j.Append(ctx, "shop.event", batch...); err != nil { // not as events, which are packed
			return 0, err
		}
		n += len(batch)
	}
	return float64(n) / time.Since(begin).Seconds(), nil
}

// load is what is sent: events a second, in bodies of so many, by so many at once.
type load struct {
	app                  string
	rate, batch, senders int
	// punctual sends nothing after its time.
	punctual bool
}

// run runs the load generator, as a user would.
func run(ctx context.Context, r *rig.Rig, s *rig.Server, w load, last time.Duration) (l loaded, err error) {
	cmd := exec.CommandContext(ctx, r.Exe, "load", "events", "--app", w.app, "--json", "--rate", fmt.Sprint(w.rate), "--batch", fmt.Sprint(w.batch), "--senders", fmt.Sprint(w.senders), "--for", last.String())
	if w.punctual {
		cmd.Args = append(cmd.Args, "--catch-up", "0s")
	}
	cmd.Env = append(os.Environ(), "SLIPWAY_URL="+s.URL, "SLIPWAY_TOKEN="+rig.Token)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return l, fmt.Errorf("load: %w: %s%s", err, out.String(), errs.String())
	}
	if err := json.Unmarshal(out.Bytes(), &l); err != nil {
		return l, fmt.Errorf("read the load's figures: %w", err)
	}
	return l, nil
}
