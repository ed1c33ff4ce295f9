package apiclient

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/slipwayhq/slipway/internal/fault"
)

// Options of a Client.
type Options struct {
	// URL of the server, such as https://slipway.example.com:7070.
	URL string
	// Token of the person: slt_….
	Token string
	// Pin is the fingerprint of the server's key, as Fingerprint gives it. Empty trusts the authorities that the system trusts.
	Pin string
	// Agent names the program in the server's log.
	Agent string
	// Answer is how long one answer may take; 0 means AnswerTime. Streams and logs have no limit.
	Answer time.Duration
}

// Client is one person's way to one server. Its methods may be called at once.
type Client struct {
	base  *url.URL
	token string
	agent string
	wait  time.Duration
	http  *http.Client
}

// AnswerTime is how long a Client waits: longer than a server takes to say that a question about events took too long, which may have waited for its turn for as long.
const AnswerTime = 75 * time.Second

// New checks the options and sends nothing.
func New(o Options) (*Client, error) {
	u, err := ParseURL(o.URL)
	if err != nil {
		return nil, err
	}
	config, err := pinned(o.Pin)
	if err != nil {
		return nil, err
	}
	wait := cmp.Or(o.Answer, AnswerTime)
	return &Client{base: u, token: o.Token, agent: o.Agent, wait: wait, http: &http.Client{Transport: &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
		TLSClientConfig:       config,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: wait,
		MaxIdleConnsPerHost:   4,
	}}}, nil
}

// ParseURL reads the address of a server. A token is never sent in the clear: off loopback it must be https.
func ParseURL(text string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimRight(text, "/"))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil {
		return nil, fault.Invalid("%q is not the address of a server; write it like https://slipway.example.com:7070", text)
	}
	if u.Scheme == "http" && !loopback(u.Hostname()) {
		return nil, fault.Invalid("%s would send your token in the clear; write https://%s", text, u.Host)
	}
	return u, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// URL is the server's address, without a slash at the end.
func (c *Client) URL() string { return c.base.String() }

// Close drops idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Item is a thing with its JSON as the server sent it.
type Item[T any] struct {
	Value T
	Raw   json.RawMessage
}

// UnmarshalJSON keeps the JSON and reads what of it is known here.
func (i *Item[T]) UnmarshalJSON(data []byte) error {
	i.Raw = bytes.Clone(data)
	return json.Unmarshal(data, &i.Value)
}

// MarshalJSON gives the JSON as it came.
func (i Item[T]) MarshalJSON() ([]byte, error) { return i.Raw, nil }

// page is a list as the API gives it.
type page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next"`
}

// all reads a list to its end.
func all[T any](ctx context.Context, c *Client, path string, query url.Values) ([]T, error) {
	const most = "500" // what a server gives at once
	q := url.Values{"limit": {most}}
	maps.Copy(q, query)
	items := []T{}
	for {
		var p page[T]
		if err := c.get(ctx, path, q, &p); err != nil {
			return nil, err
		}
		items = append(items, p.Items...)
		if p.Next == "" || p.Next == q.Get("after") {
			return items, nil
		}
		q.Set("after", p.Next)
	}
}

// Problem is the server's no.
type Problem struct {
	Type   string         `json:"type"`
	Title  string         `json:"title"`
	Status int            `json:"status"`
	Detail string         `json:"detail"`
	Errors []ProblemField `json:"errors"`
}

// ProblemField is one input at fault.
type ProblemField struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// Error gives the detail, and the inputs at fault.
func (p *Problem) Error() string {
	text := p.Detail
	if text == "" {
		text = p.Title
	}
	for _, f := range p.Errors {
		if f.Message != "" && !strings.Contains(text, f.Message) {
			text += "; " + strings.TrimPrefix(f.Field, "body.") + ": " + f.Message
		}
	}
	return text
}

// Is tells whether an error is the server's no of this code: "not_found", "conflict", "unauthorized", ….
func Is(err error, code fault.Code) bool {
	var p *Problem
	return errors.As(err, &p) && strings.HasSuffix(p.Type, "/"+string(code))
}

// header is what a call adds to its request.
type header map[string]string

// get reads what is at a path.
func (c *Client) get(ctx context.Context, path string, query url.Values, answer any) error {
	return c.call(ctx, http.MethodGet, path, query, nil, nil, answer)
}

// post changes something; body may be nil.
func (c *Client) post(ctx context.Context, path string, body, answer any) error {
	if body == nil {
		body = struct{}{}
	}
	return c.call(ctx, http.MethodPost, path, nil, nil, body, answer)
}

// call sends one request and decodes a JSON answer, where one is wanted.
func (c *Client) call(ctx context.Context, method, path string, query url.Values, more header, body, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, c.wait)
	defer cancel()
	res, err := c.send(ctx, method, path, query, more, body)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if answer == nil || res.StatusCode == http.StatusNoContent {
		_, err := io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10)) // so that the connection is used again
		return err
	}
	if kind := contentType(res); kind != "application/json" {
		return fault.Invalid("what answers at %s is not a Slipway server (it said %s and sent %s); is the address right (--url, SLIPWAY_URL)?", res.Request.URL.Host, res.Status, kind)
	}
	if err := json.NewDecoder(res.Body).Decode(answer); err != nil {
		return fmt.Errorf("read the server's answer to %s %s: %w", method, path, err)
	}
	return nil
}

// send gives the answer when it is a 2xx, and an error else. The caller closes its body.
func (c *Client) send(ctx context.Context, method, path string, query url.Values, more header, body any) (*http.Response, error) {
	var content io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("encode %s %s: %w", method, path, err)
		}
		content = bytes.NewReader(data)
	}
	u := c.base.JoinPath(path)
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, method, u.String(), content)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	req.Header.Set("User-Agent", c.agent)
	for name, value := range more {
		req.Header.Set(name, value)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	if res.StatusCode/100 != 2 {
		defer func() { _ = res.Body.Close() }()
		return nil, refusal(res)
	}
	return res, nil
}

// unreachable says in plain words why no answer came.
func (c *Client) unreachable(ctx context.Context, err error) error {
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return ctx.Err()
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("no server answers at %s; is it running (slipway serve), and is the address right (SLIPWAY_URL)? %w", c.base, errors.Unwrap(err))
	case untrusted(err):
		return fmt.Errorf("the key of %s is not known here; sign in again to look at it and keep it: slipway login %s", c.base, c.base)
	case waited(err):
		return fmt.Errorf("the server at %s was reached, and gave no answer within %s; it has much to do: try again in a moment, or ask for less", c.base, c.wait)
	default:
		return fmt.Errorf("cannot reach %s: %w", c.base, errors.Unwrap(err))
	}
}

// waited tells that a request was on its way and the time for an answer is over: to connect has a time of its own, which is shorter.
func waited(err error) bool {
	var timeout net.Error
	var dialled *net.OpError
	return errors.As(err, &timeout) && timeout.Timeout() && (!errors.As(err, &dialled) || dialled.Op != "dial")
}

// refusal reads a problem; whatever else comes is put into the form of one.
func refusal(res *http.Response) error {
	p := &Problem{Status: res.StatusCode, Title: http.StatusText(res.StatusCode)}
	body, err := io.ReadAll(io.LimitReader(res.Body, 256<<10))
	if err != nil || contentType(res) != "application/problem+json" || json.Unmarshal(body, p) != nil {
		p.Detail = fmt.Sprintf("what answers at %s is not a Slipway server (it said %s); is the address right (--url, SLIPWAY_URL)?", res.Request.URL.Host, res.Status)
	}
	if Is(p, fault.CodeUnauthorized) {
		p.Detail += "; sign in with: slipway login " + res.Request.URL.Scheme + "://" + res.Request.URL.Host
	}
	return p
}

// contentType is the kind of an answer's body, without parameters.
func contentType(res *http.Response) string {
	kind, _, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if err != nil {
		return "nothing that it names"
	}
	return kind
}
