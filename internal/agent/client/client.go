package client

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slipwayhq/slipway/internal/wire"
)

// Options of a client.
type Options struct {
	// Server is the base address.
	Server string
	// Token is the join token; empty for an agent that joined before.
	Token string
	// Dir is where the identity is kept.
	Dir string
	// Version of this program, for the server's list of agents.
	Version string
	// Logger says when the server goes away and comes back; nil drops it.
	Logger *slog.Logger
}

// Client is one agent's way to the server. Its methods may be called at once.
type Client struct {
	base    *url.URL
	secret  string
	pin     []byte
	dir     string
	version string
	log     *slog.Logger
	http    *http.Client
	away    atomic.Bool

	mu sync.Mutex
	id identity
}

// Times of single requests.
const (
	quickTime = 15 * time.Second
	pollTime  = wire.PollTime + 15*time.Second
	// resultTime is for results, which may be of many megabytes and units.
	resultTime = 3 * time.Minute
	// stallTime is how long a blob may stand still before it is asked for again.
	stallTime = 30 * time.Second
)

// New makes a client and reads or makes the identity in Dir. It does not touch the network.
func New(o Options) (*Client, error) {
	c := &Client{dir: o.Dir, version: o.Version, log: o.Logger}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	id, err := loadIdentity(o.Dir)
	if err != nil {
		return nil, err
	}
	c.id, c.pin = id, id.Pin
	if o.Token != "" {
		if c.secret, c.pin, err = splitToken(o.Token); err != nil {
			return nil, err
		}
	}
	address := o.Server
	if address == "" {
		address = id.Server
	}
	if address == "" {
		return nil, fmt.Errorf("which server? give its address (--server or SLIPWAY_URL)")
	}
	if c.base, err = serverURL(address, c.pin); err != nil {
		return nil, err
	}
	c.http = &http.Client{
		Transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
			TLSClientConfig:     pinnedTLS(c.pin),
			TLSHandshakeTimeout: 10 * time.Second,
			MaxIdleConnsPerHost: 8,
			IdleConnTimeout:     90 * time.Second,
			// Artifacts are compressed already, and their ranges must be those of the stored bytes.
			DisableCompression: true,
		},
		// A credential is for one server only.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c, nil
}

// Close drops idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Agent is the id the server gave, empty before the first join.
func (c *Client) Agent() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.id.Agent
}

// Credential is the agent's own secret: the bearer of every request and the password for git.
func (c *Client) Credential() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.id.Credential
}

// Server is the base address of the server.
func (c *Client) Server() string { return c.base.String() }

// Transport is the way to the server, its key pinned, for programs that speak to it beside this client.
func (c *Client) Transport() http.RoundTripper { return c.http.Transport }

// GitURL is where an app is cloned from, with the Credential as password.
func (c *Client) GitURL(app string) string {
	return c.base.JoinPath("git", app+".git").String()
}

// PinnedKey is the server's key as git and curl take it ("sha256//…", git's http.pinnedPubkey), empty where no key is pinned.
func (c *Client) PinnedKey() string {
	if c.pin == nil {
		return ""
	}
	return "sha256//" + base64.StdEncoding.EncodeToString(c.pin)
}

// call is one request with a body small enough to send again.
type call struct {
	method, path string
	query        url.Values
	body         []byte
	kind         string // Content-Type
	bearer       string
	timeout      time.Duration
}

// try sends a call once and decodes a JSON answer into answer, where there is one: found is false on 204.
func (c *Client) try(ctx context.Context, k call, answer any) (found, again bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, k.timeout)
	defer cancel()
	response, err := c.send(ctx, k, bytes.NewReader(k.body), int64(len(k.body)), nil)
	if err != nil {
		return false, true, err
	}
	defer response.Body.Close()
	if response.StatusCode/100 != 2 {
		again, err := failure(response)
		return false, again, err
	}
	if response.StatusCode == http.StatusNoContent || answer == nil {
		_, err = io.Copy(io.Discard, io.LimitReader(response.Body, 64<<10)) // so that the connection is used again
		return false, true, err
	}
	if err := json.NewDecoder(response.Body).Decode(answer); err != nil {
		return false, true, fmt.Errorf("read the server's answer to %s %s: %w", k.method, k.path, err)
	}
	return true, false, nil
}

// once is try for those who have something newer to say the next time.
func (c *Client) once(ctx context.Context, k call, answer any) error {
	_, again, err := c.try(ctx, k, answer)
	c.notice(ctx, err, again)
	return err
}

// until tries until the answer is final.
func (c *Client) until(ctx context.Context, k call, answer any) (found bool, err error) {
	var pause Backoff
	for {
		found, again, err := c.try(ctx, k, answer)
		c.notice(ctx, err, again)
		if err == nil || !again {
			return found, err
		}
		if !pause.Wait(ctx) {
			return false, fmt.Errorf("%w: %w", ctx.Err(), err)
		}
	}
}

// send does the HTTP of one request.
func (c *Client) send(ctx context.Context, k call, body io.Reader, size int64, header http.Header) (*http.Response, error) {
	u := c.base.JoinPath(k.path)
	u.RawQuery = k.query.Encode()
	request, err := http.NewRequestWithContext(ctx, k.method, u.String(), body)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", k.method, k.path, err)
	}
	if request.ContentLength = size; size == 0 {
		request.Body = http.NoBody
	}
	for name, values := range header {
		request.Header[name] = values
	}
	request.Header.Set(wire.HeaderVersion, strconv.Itoa(wire.Version))
	request.Header.Set("User-Agent", "slipway-agent/"+c.version)
	if k.kind != "" {
		request.Header.Set("Content-Type", k.kind)
	}
	if k.bearer != "" {
		request.Header.Set("Authorization", "Bearer "+k.bearer)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, fmt.Errorf("reach the server: %w", err)
	}
	return response, nil
}

// notice logs when the server goes away and when it is back, and nothing in between.
func (c *Client) notice(ctx context.Context, err error, away bool) {
	switch {
	case err == nil || !away:
		if c.away.CompareAndSwap(true, false) {
			c.log.Info("the server is back")
		}
	case ctx.Err() == nil:
		if c.away.CompareAndSwap(false, true) {
			c.log.Warn("the server does not answer as it should; trying on", "error", err)
		}
	}
}
