package rig

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/apiclient"
)

// Token is the admin's in every server of a rig.
const Token = "slt_bench_0123456789abcdef0123456789abcdef"

// Server is a running `slipway serve`.
type Server struct {
	*Process
	URL string
	// EdgeURL is where visitors come in, empty without an edge.
	EdgeURL string
	Client  *apiclient.Client
	// Ready is how long it took from its start to the first 200 of /readyz.
	Ready time.Duration
	rig   *Rig
}

// Serve starts a server with its data below the name, which may be there from before, and waits until it is ready.
func (r *Rig) Serve(ctx context.Context, name string, edge bool, args ...string) (*Server, error) {
	port, err := FreePort()
	if err != nil {
		return nil, err
	}
	s := &Server{URL: fmt.Sprintf("http://127.0.0.1:%d", port), rig: r}
	edgeListen := "none"
	if edge {
		if port, err = FreePort(); err != nil {
			return nil, err
		}
		edgeListen = fmt.Sprintf("127.0.0.1:%d", port)
		s.EdgeURL = "http://" + edgeListen
	}
	if s.Client, err = apiclient.New(apiclient.Options{URL: s.URL, Token: Token, Agent: "bench"}); err != nil {
		return nil, err
	}
	args = append([]string{"serve", "--data", r.Path(name), "--listen", strings.TrimPrefix(s.URL, "http://"), "--edge-listen", edgeListen}, args...)
	if s.Process, err = r.Start(name, []string{"SLIPWAY_ADMIN_TOKEN=" + Token}, r.Exe, args...); err != nil {
		return nil, err
	}
	probe := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
	err = Until(ctx, "the server is ready", time.Millisecond, func() bool { return s.Ended() || answers(ctx, probe, s.URL+"/readyz") })
	s.Ready = time.Since(s.Began)
	if err == nil && s.Ended() {
		text, _ := os.ReadFile(s.Log) // what there is
		err = fmt.Errorf("the server ended: %s", text)
	}
	return s, err
}

func answers(ctx context.Context, c *http.Client, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	resp, err := c.Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close() // only the status counts
	return resp.StatusCode == http.StatusOK
}

// JoinToken lets any number of machines join with the roles.
func (s *Server) JoinToken(ctx context.Context, roles ...string) (string, error) {
	t, err := s.Client.CreateJoinToken(ctx, apiclient.JoinToken{Roles: roles})
	return t.Value.Token, err
}

// Agent starts an agent with one role and waits until the server counts it as up. slot keeps the ports of several apart.
func (s *Server) Agent(ctx context.Context, name, role string, slot int, args ...string) (*Process, error) {
	join, err := s.JoinToken(ctx, role)
	if err != nil {
		return nil, err
	}
	ports := fmt.Sprintf("%d-%d", 20000+100*slot, 20099+100*slot)
	args = append([]string{"agent", "--server", s.URL, "--join", join, "--name", name, "--roles", role, "--data", s.rig.Path(name), "--ports", ports}, args...)
	p, err := s.rig.Start(name, nil, s.rig.Exe, args...)
	if err != nil {
		return nil, err
	}
	s.rig.agents = append(s.rig.agents, p)
	return p, Until(ctx, name+" is up", 5*time.Millisecond, func() bool {
		agents, err := s.Client.Agents(ctx, role)
		if err != nil {
			return false
		}
		for _, a := range agents {
			if a.Value.Name == name && a.Value.State == "up" {
				return true
			}
		}
		return false
	})
}

// GitURL is where an app is pushed to, with the admin's token.
func (s *Server) GitURL(app string) string {
	return strings.Replace(s.URL, "http://", "http://admin:"+Token+"@", 1) + "/git/" + app + ".git"
}
