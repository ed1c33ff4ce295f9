package visitors

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/examples/shop/catalog"
	"github.com/slipwayhq/slipway/examples/shop/payment"
	"github.com/slipwayhq/slipway/examples/shop/price"
	"github.com/slipwayhq/slipway/examples/shop/session"
	"github.com/slipwayhq/slipway/examples/shop/weather"
	"github.com/slipwayhq/slipway/examples/shop/web"
)

// serve runs a server for one test and returns its address.
func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.Start()
	t.Cleanup(s.Close)
	return s.URL
}

// send lets a crowd make that many requests.
func send(t *testing.T, o Options) Stats {
	t.Helper()
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := c.Stats()
	if s.Open != 0 {
		t.Errorf("%d requests are open after the run", s.Open)
	}
	if got := s.Total().Requests; got != o.Requests {
		t.Errorf("counted %d requests of %d", got, o.Requests)
	}
	return s
}

func TestEachAnswerIsCountedOnce(t *testing.T) {
	var gets, posts, failed atomic.Int64
	target := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n := gets.Load() + posts.Load()
		if r.Method == http.MethodPost {
			posts.Add(1)
		} else {
			gets.Add(1)
		}
		w.Header().Set("Slipway-Release", []string{"rel_1", "rel_2"}[n%2])
		if n%10 == 0 {
			failed.Add(1)
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = io.WriteString(w, `<a href="/product/mug"><a href="/product/rope">`)
	})
	s := send(t, Options{Target: target, RPS: 5000, Visitors: 50, Requests: 2000})
	if s.Get.Requests != gets.Load() || s.Post.Requests != posts.Load() || s.Post.Requests < 100 {
		t.Errorf("counted %d GET and %d POST, the server %d and %d", s.Get.Requests, s.Post.Requests, gets.Load(), posts.Load())
	}
	total := s.Total()
	if total.Lost != 0 || total.Failed() != failed.Load() || total.Class[2] != 2000-failed.Load() {
		t.Errorf("got %+v, the server failed %d", total, failed.Load())
	}
	both := s.Releases["rel_1"].Plus(s.Releases["rel_2"])
	if both != total || len(s.Releases) != 2 || s.Releases["rel_1"].Requests == 0 {
		t.Errorf("by release: got %+v, want the parts of %+v", s.Releases, total)
	}
}

func TestVisitorsKeepTheirCookiesAndLeave(t *testing.T) {
	var visitors, forgotten atomic.Int64
	target := serve(t, func(w http.ResponseWriter, r *http.Request) {
		id, err := r.Cookie("slipway_visitor")
		if err != nil {
			http.SetCookie(w, &http.Cookie{Name: "slipway_visitor", Value: fmt.Sprint(visitors.Add(1)), Path: "/"})
			http.SetCookie(w, &http.Cookie{Name: "turn", Value: "1"})
			return
		}
		turn, err := r.Cookie("turn")
		if err != nil || len(r.Cookies()) != 2 || id.Value == "" {
			forgotten.Add(1)
			return
		}
		http.SetCookie(w, &http.Cookie{Name: "turn", Value: turn.Value + "1"})
	})
	s := send(t, Options{Target: target, RPS: 5000, Visitors: 20, Requests: 3000})
	if forgotten.Load() != 0 {
		t.Errorf("%d requests came without their cookies", forgotten.Load())
	}
	// 3,000 requests at about 12 a visit, and 20 who are still there.
	if n := visitors.Load(); n < 150 || n > 450 || n > s.Visitors {
		t.Errorf("the server saw %d visitors, the crowd %d", n, s.Visitors)
	}
}

// A client that repeats requests by itself would count fewer losses than there were.
func TestEachDroppedConnectionIsALoss(t *testing.T) {
	for name, drop := range map[string]func(net.Conn){
		"closed": func(c net.Conn) { _ = c.Close() },
		"reset":  func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0); _ = c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			var seen, dropped atomic.Int64
			target := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				if seen.Add(1)%10 != 0 {
					_, _ = io.WriteString(w, `<a href="/product/mug">`)
					return
				}
				dropped.Add(1)
				conn, _, err := http.NewResponseController(w).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				drop(conn)
			})
			s := send(t, Options{Target: target, RPS: 5000, Requests: 1000})
			if total := s.Total(); total.Lost != dropped.Load() || seen.Load() != 1000 || total.Class[2] != total.Answered() {
				t.Errorf("got %+v, the server saw %d and dropped %d", total, seen.Load(), dropped.Load())
			}
			if s.Post.Lost == 0 || s.Get.Lost == 0 || len(s.Losses) != maxLosses || !strings.Contains(s.Losses[0], "no answer") {
				t.Errorf("got %+v", s)
			}
		})
	}
}

func TestACutAnswerIsNotALoss(t *testing.T) {
	target := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "ten bytes.")
	})
	s := send(t, Options{Target: target, RPS: 5000, Requests: 50})
	if total := s.Total(); total.Lost != 0 || total.Cut != 50 || total.Class[2] != 50 {
		t.Errorf("got %+v", total)
	}
}

func TestNobodyThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	s := send(t, Options{Target: "http://" + l.Addr().String(), RPS: 5000, Requests: 50})
	if total := s.Total(); total.Lost != 50 || total.Answered() != 0 || len(s.Releases) != 0 {
		t.Errorf("got %+v", s)
	}
}

func TestASilentServerIsAskedNoLessAndGivenUp(t *testing.T) {
	target := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	s := send(t, Options{Target: target, RPS: 5000, Visitors: 5, MaxOpen: 20, Requests: 60, Timeout: 50 * time.Millisecond})
	if s.Total().Lost != 60 || s.Skipped == 0 || s.Visitors < 20 {
		t.Errorf("got %+v", s)
	}
}

func TestTheEndWaitsForOpenRequests(t *testing.T) {
	arrived, release := make(chan struct{}, 100), make(chan struct{})
	target := serve(t, func(http.ResponseWriter, *http.Request) {
		arrived <- struct{}{}
		<-release
	})
	c, err := New(Options{Target: target, RPS: 100, MaxOpen: 1})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- c.Run(ctx) }()
	<-arrived
	if err := c.Run(ctx); err == nil {
		t.Error("a crowd ran twice at a time")
	}
	if s := c.Stats(); s.Open != 1 || s.Total().Requests != 0 {
		t.Errorf("while open: got %+v", s)
	}
	stop()
	select {
	case <-ended:
		t.Error("the end did not wait")
	default:
	}
	close(release)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if s := c.Stats(); s.Open != 0 || s.Total().Lost != 0 || s.Total().Class[2] != 1 {
		t.Errorf("at the end: got %+v", s)
	}
}

func TestTheShopIsUsedAsPeopleDo(t *testing.T) {
	var orders atomic.Int64
	sky, err := weather.New(weather.Outlook{})
	if err != nil {
		t.Fatal(err)
	}
	shop, err := web.New(web.Options{
		Catalog: catalog.Harbour(), Sessions: session.NewKeeper("test"), Weather: sky, Log: slog.New(slog.DiscardHandler),
		Desk: payment.NewDesk(func(context.Context, string, price.Cents) error { orders.Add(1); return nil }),
	})
	if err != nil {
		t.Fatal(err)
	}
	var assets atomic.Int64
	target := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/assets/") {
			assets.Add(1)
		}
		shop.Handler().ServeHTTP(w, r)
	})
	s := send(t, Options{Target: target, RPS: 2000, Visitors: 50, Requests: 3000})
	if total := s.Total(); total.Lost != 0 || total.Class[4] != 0 || total.Class[5] != 0 {
		t.Errorf("got %+v %v", total, s.Losses)
	}
	if orders.Load() < 30 || assets.Load() < 30 {
		t.Errorf("%d orders, %d assets", orders.Load(), assets.Load())
	}
}

func TestOptionsAreCheckedAllAtOnce(t *testing.T) {
	_, err := New(Options{Target: "https://shop.example", RPS: -1, Visitors: -1})
	for _, want := range []string{"https://shop.example", "RPS", "Visitors"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not named: %v", want, err)
		}
	}
	for target, want := range map[string]string{"http://shop.example": "shop.example:80", "http://[::1]:7/": "[::1]:7"} {
		if c, err := New(Options{Target: target, RPS: 1}); err != nil || c.options.Target != want {
			t.Errorf("%s: got %v", target, err)
		}
	}
}
