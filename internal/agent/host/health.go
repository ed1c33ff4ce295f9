package host

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// Times of health checks.
const (
	// probeTime is how long one may take.
	probeTime = 2 * time.Second
	// probeFirst and probeSlowest bound the pauses while a process starts: a fast one is seen at once, a slow one is not bothered.
	probeFirst   = 10 * time.Millisecond
	probeSlowest = 250 * time.Millisecond
	// probeFailures in a row make a process unhealthy.
	probeFailures = 3
)

// prober asks processes how they are. It keeps no connection, so that each check also shows that new ones are accepted.
type prober struct{ client *http.Client }

func newProber() *prober {
	return &prober{client: &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// probe asks once. path is that of the health check, empty for a mere connection.
func (p *prober) probe(ctx context.Context, addr, path string) error {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	if path == "" {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		if err != nil {
			return err
		}
		return conn.Close()
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+path, http.NoBody)
	if err != nil {
		return err
	}
	request.Header.Set("User-Agent", "slipway-health")
	response, err := p.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 64<<10)) // the status has said it all
	if response.StatusCode < 200 || response.StatusCode > 399 {
		return fmt.Errorf("GET %s answered %s", path, response.Status)
	}
	return nil
}
