package limit_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/client/limit"
)

func TestCheck(t *testing.T) {
	w := newWorld(t)
	w.limit("api", perMinute(60, 3))
	c := w.client()
	for left := int64(2); left >= 0; left-- {
		if a := check(t, c, "api:ana"); !a.Passed || a.Amount != 1 || a.Left != left || a.Group != "api:ana" || a.Limit != "api" || a.Near != (left == 0) || a.RetryAfter != 0 || a.Full != time.Duration(3-left)*time.Second || a.Failed {
			t.Errorf("%+v", a)
		}
	}
	a := check(t, c, "api:ana")
	h := http.Header{}
	a.SetHeaders(h)
	if a.Passed || a.Amount != 0 || !a.Over || a.RetryAfter != time.Second || a.Failed || h.Get("RateLimit-Policy") != `"api";q=60;w=60` || h.Get("RateLimit") != `"api";r=0;t=1` {
		t.Errorf("%+v %v", a, h)
	}
	if a := check(t, c, "api:bo"); !a.Passed {
		t.Errorf("another key: %+v", a)
	}
	for range 2 {
		if a, err := c.Look(t.Context(), "api:bo"); err != nil || !a.Passed || a.Amount != 0 || a.Left != 2 {
			t.Errorf("a look: %+v %v", a, err)
		}
	}
	w.clock.Add(int64(time.Second))
	if a := check(t, c, "api:ana"); !a.Passed {
		t.Errorf("after what it said: %+v", a)
	}
}

func TestTakeOfSeveral(t *testing.T) {
	w := newWorld(t)
	w.limit("api", perMinute(60, 10))
	w.limit("mail", map[string]any{"kind": "ever", "amount": 3})
	c := w.client()
	a, err := c.Take(t.Context(), limit.Ask{Group: "api:ana", Amount: 4}, limit.Ask{Group: "mail:ana"})
	if err != nil || !a.Passed || a.Groups[0].Amount != 4 || a.Groups[0].Left != 6 || a.Groups[1].Amount != 1 || a.Groups[1].Full != limit.Never {
		t.Errorf("%+v %v", a, err)
	}
	h := http.Header{}
	if a.SetHeaders(h); h.Get("RateLimit") != `"mail";r=2` {
		t.Errorf("the one with the least left: %v", h)
	}
	a, err = c.Take(t.Context(), limit.Ask{Group: "api:ana", Amount: 7}, limit.Ask{Group: "mail:ana", Amount: 3})
	if err != nil || a.Passed || a.Failed || a.Groups[0].Amount != 0 || a.Groups[1].Amount != 0 || a.RetryAfter() != limit.Never || a.Groups[0].RetryAfter != time.Second {
		t.Errorf("all or none: %+v %v", a, err)
	}
	a, err = c.Take(t.Context(), limit.Ask{Group: "api:ana", Amount: 7, Partial: true}, limit.Ask{Group: "mail:ana", Amount: 2})
	if err != nil || !a.Passed || a.Groups[0].Amount != 6 || a.Groups[1].Left != 0 {
		t.Errorf("a part, and nothing was taken before: %+v %v", a, err)
	}
	if a, err := c.Take(t.Context()); err == nil || !a.Failed {
		t.Errorf("nothing was asked: %+v %v", a, err)
	}
}

func TestReturn(t *testing.T) {
	w := newWorld(t)
	w.limit("jobs", map[string]any{"kind": "concurrent", "amount": 1, "hold_seconds": 60})
	w.limit("api", perMinute(60, 10))
	c := w.client()
	one := check(t, c, "jobs:a")
	if one.Lease == "" || !one.LeaseEnds.Equal(time.Unix(0, w.clock.Load()).Add(time.Minute)) {
		t.Errorf("%+v", one)
	}
	if a := check(t, c, "jobs:a"); a.Passed || a.RetryAfter != time.Minute {
		t.Errorf("%+v", a)
	}
	if err := c.Return(t.Context(), one); err != nil {
		t.Error(err)
	}
	two := check(t, c, "jobs:a")
	var p *limit.Problem
	if err := c.Return(t.Context(), one); !errors.As(err, &p) || p.Status != http.StatusConflict || !two.Passed {
		t.Errorf("a second return: %v, %+v", err, two)
	}
	before := w.asked.Load()
	if err := c.Return(t.Context(), check(t, c, "api:a")); err != nil || w.asked.Load() != before+1 {
		t.Errorf("nothing to return: %v", err)
	}
}

// Whatever goes wrong is decided as the caller chose, and cannot be taken for an answer of a limit.
func TestNobodyAnswers(t *testing.T) {
	w := newWorld(t)
	w.limit("api", perMinute(60, 1))
	hang := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	}))
	defer slow.Close()
	defer close(hang)
	broken := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { http.Error(rw, "no", http.StatusBadGateway) }))
	defer broken.Close()
	page := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { _, _ = rw.Write([]byte("<html>")) }))
	defer page.Close()
	away := httptest.NewServer(http.RedirectHandler(w.server.URL()+"/v1/limits/check", http.StatusFound))
	defer away.Close()
	for name, c := range map[string]struct {
		change func(*limit.Options)
		group  string
		says   string
	}{
		"no server":     {func(o *limit.Options) { o.URL = "http://" + nobody(t) }, "api:a", "refused"},
		"a slow server": {func(o *limit.Options) { o.URL, o.Timeout = slow.URL, 20*time.Millisecond }, "api:a", "deadline"},
		"a bad gateway": {func(o *limit.Options) { o.URL = broken.URL }, "api:a", "502 Bad Gateway"},
		"a web page":    {func(o *limit.Options) { o.URL = page.URL }, "api:a", "not a Slipway server"},
		"a redirection": {func(o *limit.Options) { o.URL, o.HTTPClient = away.URL, nil }, "api:a", "302"},
		"a wrong key":   {func(o *limit.Options) { o.Key = "sfk_wrong" }, "api:a", "key is not known"},
		"no limit":      {func(*limit.Options) {}, "nothing:a", "no limit is defined"},
		"no group":      {func(*limit.Options) {}, "", "no limit is defined"},
	} {
		for _, decided := range []limit.OnError{limit.Open, limit.Closed, limit.Throw} {
			cl := w.client(c.change, func(o *limit.Options) { o.OnError = decided })
			a, err := cl.Check(t.Context(), c.group)
			if !a.Failed || a.Err == nil || !strings.Contains(a.Err.Error(), c.says) || a.Passed != (decided == limit.Open) || (err != nil) != (decided == limit.Throw) || (a.Amount == 1) != a.Passed {
				t.Errorf("%s, %s: %+v, %v", name, decided, a, err)
			}
			all, err := cl.Take(t.Context(), limit.Ask{Group: c.group, Amount: 3})
			if !all.Failed || all.Err == nil || all.Passed != a.Passed || (err != nil) != (decided == limit.Throw) || !all.Groups[0].Failed || all.Groups[0].Passed != a.Passed || (all.Groups[0].Amount == 3) != a.Passed {
				t.Errorf("%s, %s, several: %+v, %v", name, decided, all, err)
			}
		}
	}
	open := w.client(func(o *limit.Options) { o.OnError = limit.Open })
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if a, err := open.Check(gone, "api:a"); err != nil || !a.Passed || !errors.Is(a.Err, context.Canceled) {
		t.Errorf("the caller is gone: %+v %v", a, err)
	}
	check(t, open, "api:denied")
	if a := check(t, open, "api:denied"); a.Passed || a.Failed {
		t.Errorf("a denial is no failure: %+v", a)
	}
}

// nobody is an address where nobody listens.
func nobody(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// A take that may have been counted is not sent again; one that was not sent is.
func TestTakesAreSentOnce(t *testing.T) {
	var came atomic.Int64
	cut := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		came.Add(1)
		panic(http.ErrAbortHandler) // the connection ends without an answer
	}))
	defer cut.Close()
	c, err := limit.New(limit.Options{URL: cut.URL, Key: "k", Timeout: time.Minute, OnError: limit.Throw})
	if err != nil {
		t.Fatal(err)
	}
	if a, err := c.Check(t.Context(), "api:a"); err == nil || came.Load() != 1 {
		t.Errorf("%+v %v, came %d times", a, err, came.Load())
	}

	w := newWorld(t)
	w.limit("api", perMinute(60, 10))
	where := []string{nobody(t), place(t, w.server.URL()).Host}
	dials := 0
	first := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		dials++
		return (&net.Dialer{}).DialContext(ctx, network, where[min(dials, 2)-1])
	}}}
	if a := check(t, w.client(func(o *limit.Options) { o.HTTPClient = first }), "api:a"); !a.Passed || a.Left != 9 || dials != 2 {
		t.Errorf("a connection that did not come about: %+v, %d dials", a, dials)
	}
}

func TestFailuresAreTold(t *testing.T) {
	var b strings.Builder
	c, err := limit.New(limit.Options{URL: "http://" + nobody(t), Key: "k_secret", OnError: limit.Closed, Logger: slog.New(slog.NewTextHandler(&b, nil))})
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		check(t, c, "api:a")
	}
	if said := b.String(); strings.Count(said, "\n") != 1 || !strings.Contains(said, "decided=closed") || !strings.Contains(said, "api:a") || strings.Contains(said, "k_secret") {
		t.Error(said)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for i, o := range []limit.Options{
		{}, {URL: "slipway.example.com", Key: "k"}, {URL: "ftp://x", Key: "k"}, {URL: "https://a:b@x", Key: "k"}, {URL: "http://slipway.example.com", Key: "k"}, {URL: "https://x"}, {URL: "https://x", Key: " "},
		{URL: "https://x", Key: "k", Timeout: -1}, {URL: "https://x", Key: "k", OnError: 3}, {URL: "https://x", Key: "k", OnError: -1},
	} {
		if c, err := limit.New(o); err == nil || c != nil || !strings.HasPrefix(err.Error(), "limit: ") {
			t.Errorf("%d: %v", i, err)
		}
	}
	for _, u := range []string{"https://x", "http://localhost:1", "http://127.0.0.1:1/", "http://[::1]:1"} {
		if _, err := limit.New(limit.Options{URL: u, Key: "k"}); err != nil {
			t.Error(err)
		}
	}
	if s := fmt.Sprint(limit.Open, limit.Closed, limit.Throw, limit.OnError(7)); s != "open closed throw OnError(7)" {
		t.Error(s)
	}
}
