package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"

	"github.com/slipwayhq/slipway/bench/rig"
)

// check asks once, by a client as anybody has it.
func (a *asked) check(ctx context.Context, group string, out any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.URL+"/v1/limits/check", strings.NewReader(fmt.Sprintf(`{"group":%q}`, group)))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+a.key)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s", res.Status)
	}
	return json.NewDecoder(res.Body).Decode(out)
}

// line is a kept connection. It costs who asks as little as can be: what is measured is the server, and both share the processors.
type line struct {
	conn net.Conn
	in   *bufio.Reader
	out  []byte
}

func (l *line) ask(host, key, group string) (passed bool, err error) {
	body := fmt.Appendf(nil, `{"group":%q}`, group)
	l.out = fmt.Appendf(l.out[:0], "POST /v1/limits/check HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", host, key, len(body), body)
	if _, err := l.conn.Write(l.out); err != nil {
		return false, err
	}
	length := 0
	for first := true; ; first = false {
		text, err := l.in.ReadSlice('\n')
		if err != nil {
			return false, err
		}
		if first && !bytes.Contains(text, []byte(" 200 ")) {
			return false, fmt.Errorf("%s", text)
		}
		if len(text) <= 2 {
			break
		}
		if rest, ok := bytes.CutPrefix(text, []byte("Content-Length: ")); ok {
			if _, err := fmt.Sscan(string(bytes.TrimSpace(rest)), &length); err != nil {
				return false, err
			}
		}
	}
	answer := make([]byte, length)
	if _, err := io.ReadFull(l.in, answer); err != nil {
		return false, err
	}
	return bytes.HasPrefix(answer, []byte(`{"passed":true`)), nil
}

func byHTTP(ctx context.Context, r *rig.Rig, o options) error {
	s, err := serve(ctx, r, "http")
	if err != nil {
		return err
	}
	defer s.Stop()
	host := strings.TrimPrefix(s.URL, "http://")
	lines := make([]*line, 2*sides)
	for i := range lines {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "tcp", host)
		if err != nil {
			return err
		}
		defer conn.Close()
		lines[i] = &line{conn: conn, in: bufio.NewReader(conn)}
	}
	got, err := load(ctx, 2*o.lasts, len(lines), []int{s.PID()}, func(_ context.Context, side, n int) error {
		passed, err := lines[side].ask(host, s.key, fmt.Sprintf("api:user-%d", (side*64+n)%1024))
		if err == nil && !passed {
			err = fmt.Errorf("it was denied")
		}
		return err
	})
	if err != nil {
		return err
	}
	perSecond := float64(got.asked) / got.took.Seconds()
	fmt.Printf("By HTTP and JSON, one check a request, %d kept connections, who asks on the same processors\n", len(lines))
	if err := rig.Table(os.Stdout, []string{"", "a second", "p50 ms", "p99 ms", "CPU µs each", "failed"}, [][]string{
		{"Slipway", fmt.Sprintf("%.0f", perSecond), rig.Millis(rig.Quantile(got.each, 0.5)), rig.Millis(rig.Quantile(got.each, 0.99)), micros(got.cost[0], got.asked), fmt.Sprint(got.failures)},
	}); err != nil {
		return err
	}
	fmt.Printf("at least %d a second: %s\n", httpTarget, rig.Verdict(perSecond >= httpTarget && got.failures == 0))
	return nil
}
