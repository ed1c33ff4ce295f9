package e2e

import (
	"context"
	"io"
	"net/http"
	"sync"

	"github.com/slipwayhq/slipway/internal/visitors"
)

// crowd is visitors on their way.
type crowd struct {
	*visitors.Crowd
	stop func() error
}

// send starts visitors; stop ends them, and says how their run ended.
func send(o visitors.Options) (*crowd, error) {
	c, err := visitors.New(o)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }() // stop waits for it
	return &crowd{Crowd: c, stop: sync.OnceValue(func() error {
		cancel()
		return <-ended
	})}, nil
}

// fetch gets a page.
func fetch(url string) (status int, body string, err error) {
	resp, err := http.Get(url)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}
