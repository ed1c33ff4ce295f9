package prometheus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	defaultTimeout  = 30 * time.Second
	defaultMaxBytes = 64 << 20
	// maxPoints of a series are given by one answer: 11,000 is Prometheus' own limit.
	maxPoints = 10_000
	// maxSeries of one query: more are a query that forgot to sum.
	maxSeries = 10_000
)

// Options are how a server is asked. The zero value of each is its default.
type Options struct {
	Timeout  time.Duration // of one request; 30 s
	MaxBytes int64         // of one answer; 64 MiB
	Token    string        // a bearer token; a user and password stand in the URL
}

// Client asks one server.
type Client struct {
	base *url.URL
	o    Options
	http *http.Client
}

// New makes a client of the server at a URL such as http://prometheus:9090, with a path where the API is below one.
func New(server string, o Options) (*Client, error) {
	base, err := url.Parse(server)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, errors.New("the address of Prometheus must be like http://prometheus:9090")
	}
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = defaultMaxBytes
	}
	return &Client{base: base, o: o, http: &http.Client{Timeout: o.Timeout}}, nil
}

// Close gives up the connections that are kept open.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Series is one time series of an answer.
type Series struct {
	Labels map[string]string
	Points []Point
}

// Point is one sample. The value may be NaN or an infinity.
type Point struct {
	Time  float64 // Unix seconds
	Value float64
}

// UnmarshalJSON reads [1435781430.781, "1.5"].
func (p *Point) UnmarshalJSON(text []byte) error {
	var pair [2]json.RawMessage
	if err := json.Unmarshal(text, &pair); err != nil {
		return fmt.Errorf("a sample is no pair: %w", err)
	}
	var value string
	if err := errors.Join(json.Unmarshal(pair[0], &p.Time), json.Unmarshal(pair[1], &value)); err != nil {
		return fmt.Errorf("a sample is no time and value: %w", err)
	}
	var err error
	if p.Value, err = strconv.ParseFloat(value, 64); err != nil {
		return fmt.Errorf("a sample's value is no number: %w", err)
	}
	return nil
}

// Range evaluates a query at from, from + step, … until. What needs more points than one answer may have is asked for in parts. The series are in the order of their labels; none is no error.
func (c *Client) Range(ctx context.Context, query string, from, until time.Time, step time.Duration) ([]Series, error) {
	if step < time.Second || until.Before(from) {
		return nil, fmt.Errorf("ask Prometheus: from %v until %v by steps of %v is no range", from, until, step)
	}
	all := map[string]*Series{}
	for !from.After(until) {
		end := from.Add(maxPoints * step)
		if end.After(until) {
			end = until
		}
		part, err := c.ask(ctx, "/api/v1/query_range", "matrix", url.Values{
			"query": {query}, "start": {seconds(from)}, "end": {seconds(end)}, "step": {strconv.FormatFloat(step.Seconds(), 'f', -1, 64)},
		})
		if err != nil {
			return nil, err
		}
		for _, s := range part {
			key := s.key()
			if all[key] == nil {
				all[key] = &Series{Labels: s.Labels}
			}
			all[key].Points = append(all[key].Points, s.Points...)
		}
		from = end.Add(step).Truncate(time.Millisecond)
	}
	var sorted []Series
	for _, key := range slices.Sorted(maps.Keys(all)) {
		sorted = append(sorted, *all[key])
	}
	return sorted, nil
}

// Instant evaluates a query at one moment: one point a series. A scalar is a series without labels.
func (c *Client) Instant(ctx context.Context, query string, at time.Time) ([]Series, error) {
	return c.ask(ctx, "/api/v1/query", "vector", url.Values{"query": {query}, "time": {seconds(at)}})
}

func seconds(t time.Time) string { return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', 3, 64) }

func (s *Series) key() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(s.Labels)) {
		fmt.Fprintf(&b, "%q=%q,", name, s.Labels[name])
	}
	return b.String()
}

// answer is what the API says.
type answer struct {
	Status    string `json:"status"`
	ErrorType string `json:"errorType"`
	Error     string `json:"error"`
	Data      *struct {
		Type   string          `json:"resultType"`
		Result json.RawMessage `json:"result"`
	} `json:"data"`
}

// ask asks one question, and wants an answer of a type.
func (c *Client) ask(ctx context.Context, path, want string, form url.Values) ([]Series, error) {
	form.Set("timeout", strconv.FormatFloat(c.o.Timeout.Seconds(), 'f', -1, 64)+"s")
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base.JoinPath(path).String(), strings.NewReader(form.Encode()))
	if err != nil {
		return nil, fmt.Errorf("ask Prometheus: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if c.o.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.o.Token)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, c.failed(ctx, err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, c.o.MaxBytes+1))
	if err != nil {
		return nil, c.failed(ctx, err)
	}
	if int64(len(body)) > c.o.MaxBytes {
		return nil, fmt.Errorf("ask Prometheus: the answer is larger than %d MiB; sum by fewer labels, or ask for less time", c.o.MaxBytes>>20)
	}
	return read(res.StatusCode, body, want)
}

// failed says why there is no answer, and what to do about it.
func (c *Client) failed(ctx context.Context, err error) error {
	var timeout interface{ Timeout() bool }
	var dial *net.OpError
	switch {
	case ctx.Err() == nil && errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Errorf("ask Prometheus: no answer within %v; ask for less time, or for more patience", c.o.Timeout)
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return errors.New("ask Prometheus: no answer in time; is it overloaded, or the query slow? A recording rule can work it out beforehand")
	case errors.As(err, &dial) && dial.Op == "dial":
		return fmt.Errorf("ask Prometheus: nobody answers at %s; does it run, and is the address right? %w", c.base.Host, dial.Err)
	}
	return fmt.Errorf("ask Prometheus: %w", err)
}

// read takes an answer apart.
func read(status int, body []byte, want string) ([]Series, error) {
	var a answer
	if err := json.Unmarshal(body, &a); err != nil || a.Status == "" {
		return nil, fmt.Errorf("ask Prometheus: status %d, and the answer is none of its API: %s", status, begin(body))
	}
	if a.Status != "success" || status != http.StatusOK {
		return nil, fmt.Errorf("ask Prometheus: %s: %s", a.ErrorType, a.Error)
	}
	if a.Data == nil {
		return nil, fmt.Errorf("ask Prometheus: the answer has no data: %s", begin(body))
	}
	if want == "vector" && a.Data.Type == "scalar" {
		s := Series{Points: make([]Point, 1)}
		if err := json.Unmarshal(a.Data.Result, &s.Points[0]); err != nil {
			return nil, fmt.Errorf("ask Prometheus: the answer cannot be read: %w", err)
		}
		return []Series{s}, nil
	}
	if a.Data.Type != want {
		return nil, fmt.Errorf("ask Prometheus: the answer is a %s, expected was a %s; does the query give numbers?", a.Data.Type, want)
	}
	var result []struct {
		Metric     map[string]string `json:"metric"`
		Values     []Point           `json:"values"`
		Value      *Point            `json:"value"`
		Histograms json.RawMessage   `json:"histograms"`
		Histogram  json.RawMessage   `json:"histogram"`
	}
	if err := json.Unmarshal(a.Data.Result, &result); err != nil {
		return nil, fmt.Errorf("ask Prometheus: the answer cannot be read: %w", err)
	}
	if len(result) > maxSeries {
		return nil, fmt.Errorf("ask Prometheus: %d series; sum by fewer labels", len(result))
	}
	var all []Series
	for _, r := range result {
		if len(r.Histograms)+len(r.Histogram) > 0 {
			return nil, errors.New("ask Prometheus: the query gives histograms; take histogram_count() of it")
		}
		points := r.Values
		if r.Value != nil {
			points = []Point{*r.Value}
		}
		all = append(all, Series{Labels: r.Metric, Points: points})
	}
	return all, nil
}

func begin(body []byte) string {
	text := strings.Join(strings.Fields(strings.ToValidUTF8(string(body[:min(len(body), 120)]), "?")), " ")
	if text == "" {
		return "nothing"
	}
	return text
}

// Increase is by how much a counter grew until a moment, since the step before.
type Increase struct {
	Time float64 // Unix seconds
	By   float64
}

// Gaps are steps of which nothing is known.
type Gaps struct {
	Missing int `json:"missing"`      // there is no sample
	Resets  int `json:"resets"`       // the counter fell: its process was started again
	NoValue int `json:"not_a_number"` // NaN, an infinity, or less than nothing
}

// Add adds up.
func (g *Gaps) Add(o Gaps) {
	g.Missing, g.Resets, g.NoValue = g.Missing+o.Missing, g.Resets+o.Resets, g.NoValue+o.NoValue
}

// Sum is how many there are.
func (g *Gaps) Sum() int { return g.Missing + g.Resets + g.NoValue }

// Increases are those of a counter whose samples are step apart, in seconds. Between samples that are further apart, where one is no number, and where the counter fell, there is none.
func Increases(points []Point, step float64) (all []Increase, gaps Gaps) {
	for i, p := range points {
		bad := math.IsNaN(p.Value) || math.IsInf(p.Value, 0) || p.Value < 0
		if bad {
			gaps.NoValue++
		}
		if i == 0 || bad {
			continue
		}
		q := points[i-1]
		switch {
		case math.IsNaN(q.Value) || math.IsInf(q.Value, 0) || q.Value < 0:
		case p.Time-q.Time > 1.5*step:
			gaps.Missing += int(math.Round((p.Time-q.Time)/step)) - 1
		case p.Value < q.Value:
			gaps.Resets++
		default:
			all = append(all, Increase{p.Time, p.Value - q.Value})
		}
	}
	return all, gaps
}
