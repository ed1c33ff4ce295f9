package events

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slipwayhq/slipway/internal/apiclient"
)

// Load sends events at a steady rate, and then looks for each of them.
type Load struct {
	Rate    float64       `default:"1000" help:"Events a second; more than the server takes measures how many it takes."`
	For     time.Duration `default:"30s" help:"How long to send."`
	Batch   int           `default:"100" help:"Events a request; 1 sends each by itself."`
	Senders int           `default:"32" help:"Requests at once, at most."`
	CatchUp time.Duration `default:"10s" help:"How much longer than planned it may take to send what the server did not take in time; what has not begun by then is not sent."`
	Key     string        `help:"Write key; default: that of the app's first source."`
	JSON    bool          `name:"json" help:"Print the figures as JSON."`
}

// Loaded is what came of it.
type Loaded struct {
	Sent         int64   `json:"sent"`         // events that were acknowledged
	Refused      int64   `json:"refused"`      // answers that said to try again, which was done
	Seconds      float64 `json:"seconds"`      // from the first to the last
	Rate         float64 `json:"rate"`         // acknowledged events a second
	P50          float64 `json:"ack_p50_ms"`   // of a request
	P99          float64 `json:"ack_p99_ms"`   //
	Late         float64 `json:"late_percent"` // requests that began more than a second behind the plan
	Lost         int64   `json:"lost"`
	Duplicated   int64   `json:"duplicated"`
	StoredMillis int64   `json:"stored_ms"` // from the last acknowledgement until all were found
}

// Run sends, waits until what was acknowledged can be asked for, and compares. It fails when anything is lost or there twice.
func (c *Load) Run(h *Host) error {
	if c.Rate <= 0 || c.Batch < 1 || c.Batch > 500 || c.Senders < 1 || c.For <= 0 || c.CatchUp < 0 {
		return errors.New("--rate, --for and --senders must be more than nothing, and --batch from 1 to 500")
	}
	client, app, err := h.Find()
	if err != nil {
		return err
	}
	defer client.Close()
	key, err := c.key(h.Context, client, app)
	if err != nil {
		return err
	}
	run := newRun(c, client.URL(), key)
	if !c.JSON {
		_, _ = fmt.Fprintf(h.Out, "Sending %.0f events a second to %s for %s, %d a request.\n", c.Rate, app, c.For, c.Batch)
	}
	if err := run.send(h.Context); err != nil {
		return err
	}
	r := run.figures()
	if err := run.find(h.Context, client, app, &r); err != nil {
		return err
	}
	if c.JSON {
		err = h.JSON(r)
	} else {
		_, err = fmt.Fprintf(h.Out, "sent = %d in %.1f s (%.0f a second), refused for a while = %d, late = %.1f %%\nacknowledged p50 = %.1f ms, p99 = %.1f ms\nall found after %.1f s\nlost = %d, duplicated = %d\n",
			r.Sent, r.Seconds, r.Rate, r.Refused, r.Late, r.P50, r.P99, float64(r.StoredMillis)/1000, r.Lost, r.Duplicated)
	}
	if err == nil && r.Lost+r.Duplicated != 0 {
		err = fmt.Errorf("%d events are lost and %d are there twice", r.Lost, r.Duplicated)
	}
	return err
}

func (c *Load) key(ctx context.Context, client *apiclient.Client, app string) (string, error) {
	if c.Key != "" {
		return c.Key, nil
	}
	sources, err := client.Sources(ctx, app)
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(sources, func(s apiclient.Item[apiclient.Source]) bool { return !s.Value.Stopped })
	if i < 0 {
		return "", fmt.Errorf("%s has no source that takes events; add one under Settings > Sources, or give --key", app)
	}
	return sources[i].Value.Key, nil
}

// loadRun is one run; its events are told from all others by its id.
type loadRun struct {
	*Load
	id, url, key string
	http         *http.Client
	next         atomic.Int64 // batch
	sent         atomic.Int64
	refused      atomic.Int64
	late         atomic.Int64
	begin, end   time.Time
	mu           sync.Mutex
	took         []time.Duration
}

func newRun(c *Load, url, key string) *loadRun {
	id := make([]byte, 6)
	_, _ = rand.Read(id) // never fails, as of Go 1.24
	return &loadRun{
		Load: c, id: hex.EncodeToString(id), url: url + "/v1/batch", key: key,
		http: &http.Client{Timeout: 60 * time.Second, Transport: &http.Transport{MaxIdleConns: c.Senders, MaxIdleConnsPerHost: c.Senders}},
	}
}

// send sends all batches, each at its time; who falls behind catches up, as far as there is time.
func (r *loadRun) send(ctx context.Context) error {
	batches := int64(math.Ceil(r.Rate * r.For.Seconds() / float64(r.Batch)))
	every := time.Duration(float64(r.Batch) / r.Rate * float64(time.Second))
	r.begin = time.Now()
	senders, ctx := errgroup.WithContext(ctx) // what the server says no to, it says no to for all of them: it is told once
	for range r.Senders {
		senders.Go(func() error {
			for n := r.next.Add(1) - 1; n < batches && ctx.Err() == nil && time.Since(r.begin) < r.For+r.CatchUp; n = r.next.Add(1) - 1 {
				due := r.begin.Add(time.Duration(n) * every)
				if wait := time.Until(due); wait > 0 {
					select {
					case <-time.After(wait):
					case <-ctx.Done():
						return ctx.Err()
					}
				} else if wait < -time.Second {
					r.late.Add(1)
				}
				if err := r.deliver(ctx, n); err != nil {
					return err
				}
			}
			return ctx.Err()
		})
	}
	err := senders.Wait()
	r.end = time.Now()
	return err
}

// giveUp is for how long a batch is sent again.
const giveUp = 2 * time.Minute

// deliver sends one batch until it is acknowledged.
func (r *loadRun) deliver(ctx context.Context, n int64) error {
	body := r.body(n)
	first := time.Now()
	for {
		begin := time.Now()
		wait, err := r.post(ctx, body)
		if err == nil {
			r.mu.Lock()
			r.took = append(r.took, time.Since(begin))
			r.mu.Unlock()
			r.sent.Add(int64(r.Batch))
			return nil
		}
		if wait == 0 || time.Since(first) > giveUp || ctx.Err() != nil {
			return fmt.Errorf("send events: %w", err)
		}
		r.refused.Add(1)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// post tells after how long it makes sense to send the same again; 0 is never.
func (r *loadRun) post(ctx context.Context, body []byte) (again time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.SetBasicAuth(r.key, "")
	req.Header.Set("Content-Type", "application/json")
	res, err := r.http.Do(req)
	if err != nil {
		return retry, err
	}
	defer func() { _ = res.Body.Close() }()
	text, _ := io.ReadAll(io.LimitReader(res.Body, 1000))
	if res.StatusCode == http.StatusOK {
		return 0, nil
	}
	if res.StatusCode == http.StatusTooManyRequests || res.StatusCode >= http.StatusInternalServerError {
		again = retryAfter(res.Header)
	}
	return again, errors.New(said(res.Status, text))
}

// retry is after how long something is sent again where the server does not say.
const retry = 500 * time.Millisecond

// retryAfter is what the server says (RFC 9110, 10.2.3), in seconds.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || seconds < 1 {
		return retry
	}
	return time.Duration(min(seconds, int(giveUp/time.Second))) * time.Second
}

// said is what an answer says is wrong: in its own words, if it has some.
func said(status string, body []byte) string {
	var problem struct{ Detail string }
	if json.Unmarshal(body, &problem) == nil && problem.Detail != "" {
		return line(problem.Detail)
	}
	return line(status + ": " + string(body))
}

func (r *loadRun) figures() Loaded {
	slices.Sort(r.took)
	at := func(q float64) float64 {
		if len(r.took) == 0 {
			return 0
		}
		return float64(r.took[int(q*float64(len(r.took)-1))].Microseconds()) / 1000
	}
	seconds := r.end.Sub(r.begin).Seconds()
	return Loaded{
		Sent: r.sent.Load(), Refused: r.refused.Load(), Seconds: seconds, Rate: float64(r.sent.Load()) / seconds, P50: at(.5), P99: at(.99),
		Late: 100 * float64(r.late.Load()) / math.Max(float64(len(r.took)), 1),
	}
}

// quiet is how long nothing may have been added before what is missing is called lost.
const quiet = 60 * time.Second

// find asks for the events until all are there, or no more come.
func (r *loadRun) find(ctx context.Context, client *apiclient.Client, app string, out *Loaded) error {
	sql := fmt.Sprintf(`SELECT count(*), count(DISTINCT message_id) FROM events WHERE time >= TIMESTAMP '%s' AND starts_with(message_id, '%s-')`, r.begin.Add(-time.Hour).UTC().Format(time.DateTime), r.id)
	last, since := int64(-1), time.Now()
	for {
		a, err := client.Ask(ctx, app, "sql", map[string]any{"sql": sql})
		if err != nil {
			return fmt.Errorf("look for what was sent: %w", err)
		}
		var there, distinct float64
		if len(a.Value.Rows) == 1 && len(a.Value.Rows[0]) == 2 {
			there, _ = a.Value.Rows[0][0].(float64)
			distinct, _ = a.Value.Rows[0][1].(float64)
		}
		if int64(there) != last {
			last, since = int64(there), time.Now()
		}
		if int64(distinct) >= out.Sent || time.Since(since) > quiet {
			out.Lost, out.Duplicated, out.StoredMillis = max(out.Sent-int64(distinct), 0), int64(there-distinct), time.Since(r.end).Milliseconds()
			return nil
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
