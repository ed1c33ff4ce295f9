package limit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// OnError says what is decided where no limit answers.
type OnError int

// The choices.
const (
	// Open lets everything pass: rather too much than nothing.
	Open OnError = iota
	// Closed lets nothing pass: rather nothing than too much.
	Closed
	// Throw leaves it to the caller, with an error.
	Throw
)

// String is the choice in a word.
func (o OnError) String() string {
	switch o {
	case Open:
		return "open"
	case Closed:
		return "closed"
	case Throw:
		return "throw"
	}
	return fmt.Sprintf("OnError(%d)", int(o))
}

// Options of a Client.
type Options struct {
	// URL of the server, such as https://slipway.example.com:7070. Off this machine it is https, as the key is a secret.
	URL string
	// Key is one of the app's keys for servers. It says which app and which environment ask.
	Key string
	// HTTPClient sends the requests; nil is one that keeps as many connections as it needs. It has to know the server's certificate where the server has made its own.
	HTTPClient *http.Client
	// Timeout is how long an answer may take; 0 is 250 ms.
	Timeout time.Duration
	// OnError says what is decided where no limit answers; the zero value is Open.
	OnError OnError
	// Logger is told when Open or Closed decided, every ten seconds at most; nil is slog.Default().
	Logger *slog.Logger
}

// Client asks one server, by one key. Its methods may be called at once.
type Client struct {
	check, give string // where to ask, and to return
	key         string
	http        *http.Client
	timeout     time.Duration
	onError     OnError
	log         complaints
}

// New checks the options, and sends nothing.
func New(o Options) (*Client, error) {
	u, err := url.Parse(o.URL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil:
		return nil, fmt.Errorf("limit: %q is not the address of a server; write it like https://slipway.example.com:7070", o.URL)
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return nil, fmt.Errorf("limit: %s would send the key in the clear; write https://%s", o.URL, u.Host)
	case strings.TrimSpace(o.Key) == "":
		return nil, errors.New("limit: a client needs a key for servers; make one by: slipway flag key NAME --kind server")
	case o.Timeout < 0:
		return nil, fmt.Errorf("limit: the timeout is how long an answer may take, 0 for %s; %s is none", usualTimeout, o.Timeout)
	case o.OnError < Open || o.OnError > Throw:
		return nil, fmt.Errorf("limit: what is decided where no limit answers is Open, Closed or Throw, not %d", o.OnError)
	}
	c := &Client{
		check: u.JoinPath("/v1/limits/check").String(), give: u.JoinPath("/v1/limits/return").String(), key: strings.TrimSpace(o.Key),
		http: o.HTTPClient, timeout: cmp.Or(o.Timeout, usualTimeout), onError: o.OnError, log: complaints{logger: o.Logger},
	}
	if c.http == nil {
		c.http = &http.Client{Transport: transport(), CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	return c, nil
}

const usualTimeout = 250 * time.Millisecond

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// transport keeps more connections than the two that are usual: who limits requests asks for many at once.
func transport() *http.Transport {
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: 256,
		IdleConnTimeout:     90 * time.Second,
		TLSHandshakeTimeout: 10 * time.Second,
	}
}

// Close drops connections that are idle.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Ask is a wish for an amount of a group.
type Ask struct {
	Group string
	// Amount is how much; 0 is 1.
	Amount int64
	// Partial takes a part where that is all there is.
	Partial bool
}

// Check takes one of a group. With [Open] and [Closed] the error is always nil.
func (c *Client) Check(ctx context.Context, group string) (Answer, error) {
	return c.one(ctx, Ask{Group: group, Amount: 1}, 1)
}

// Look says how a group stands, and takes nothing.
func (c *Client) Look(ctx context.Context, group string) (Answer, error) {
	return c.one(ctx, Ask{Group: group}, 0)
}

// Take takes of several groups: of all, or of none. With [Open] and [Closed] the error is always nil.
func (c *Client) Take(ctx context.Context, asks ...Ask) (Answers, error) {
	in := make([]asked, len(asks))
	for i, a := range asks {
		in[i] = asked{a.Group, cmp.Or(a.Amount, 1), a.Partial}
	}
	out, err := c.ask(ctx, in)
	if err != nil {
		return c.decide(in, err)
	}
	return out, nil
}

func (c *Client) one(ctx context.Context, a Ask, amount int64) (Answer, error) {
	got, err := c.single(ctx, asked{a.Group, amount, a.Partial})
	if err != nil {
		return c.failed(a.Group, amount, err)
	}
	return got, nil
}

// single asks one group, and leaves it to the caller what an error means.
func (c *Client) single(ctx context.Context, in asked) (Answer, error) {
	out, err := c.ask(ctx, []asked{in})
	if err != nil {
		return Answer{}, err
	}
	a := out.Groups[0]
	a.policy, a.state = out.policy, out.state
	return a, nil
}

// failed decides where no limit answered.
func (c *Client) failed(group string, amount int64, err error) (Answer, error) {
	a := Answer{Group: group, Failed: true, Err: err}
	switch c.onError {
	case Open:
		a.Passed, a.Amount = true, amount
	case Closed:
	case Throw:
		return a, err
	}
	c.log.complain(c.onError, group, err)
	return a, nil
}

// decide decides for several groups.
func (c *Client) decide(in []asked, err error) (Answers, error) {
	out := Answers{Failed: true, Err: err, Passed: c.onError == Open, Groups: make([]Answer, len(in))}
	for i, a := range in {
		out.Groups[i] = Answer{Group: a.Group, Failed: true, Err: err, Passed: out.Passed}
		if out.Passed {
			out.Groups[i].Amount = a.Amount
		}
	}
	if c.onError == Throw {
		return out, err
	}
	group := ""
	if len(in) > 0 {
		group = in[0].Group
	}
	c.log.complain(c.onError, group, err)
	return out, nil
}
