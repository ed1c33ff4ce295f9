package e2e

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/slipwayhq/slipway/internal/wire"
)

// regulars start RATE: so many visitors a second come to the edge, each asks for /first once and then every half second for /more, twenty times. They come until the script ends.
func regulars(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 || args[0] != "start" {
		ts.Fatalf("regulars start RATE")
	}
	rate, err := strconv.Atoi(args[1])
	ts.Check(err)
	edge := "http://" + worldOf(ts).edge
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() {
		for id := 1; pause(ctx, time.Second/time.Duration(rate)); id++ {
			all.Go(func() { regular(ctx, edge, id) })
		}
	})
	ts.Defer(func() {
		cancel()
		all.Wait()
	})
}

// regular is one visitor.
func regular(ctx context.Context, edge string, id int) {
	for n := range 21 {
		path := "/more"
		if n == 0 {
			path = "/first"
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, edge+path, nil)
		if err != nil {
			return
		}
		req.AddCookie(&http.Cookie{Name: wire.CookieVisitor, Value: fmt.Sprintf("%032x", id)})
		if res, err := http.DefaultClient.Do(req); err == nil {
			_ = res.Body.Close()
		}
		if !pause(ctx, time.Second/2) {
			return
		}
	}
}

// pause is false where the test is over before it is.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
