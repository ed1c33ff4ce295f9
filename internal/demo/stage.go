package demo

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/slipwayhq/slipway/internal/apiclient"
	"github.com/slipwayhq/slipway/internal/fault"
)

// appName is the app that the demo ships.
const appName = "shop"

// stage is where stories play: a server, a work tree, and who is told.
type stage struct {
	client *apiclient.Client
	tree   worktree
	feed   *feed
	tell   func(Scene)
	look   time.Duration
}

// change edits the work tree and gives the commit's message.
type change func(dir string) (message string, err error)

// commit makes a commit of a change, which is to be shipped.
func (s *stage) commit(ctx context.Context, story string, by author, edit change) (*shipment, error) {
	message, err := edit(s.tree.dir)
	if err != nil {
		return nil, err
	}
	commit, err := s.tree.commit(ctx, by, message)
	if err != nil {
		return nil, err
	}
	subject, _, _ := strings.Cut(message, "\n")
	return newShipment(story, commit, subject, s.client.URL()), nil
}

// ship makes a commit of a change, pushes it, and follows it to its end.
func (s *stage) ship(ctx context.Context, story string, by author, edit change) (*shipment, error) {
	sh, err := s.commit(ctx, story, by, edit)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	var pushing sync.WaitGroup
	defer pushing.Wait()
	defer cancel()
	pushed := make(chan error, 1)
	pushing.Go(func() {
		_, err := s.tree.push(ctx)
		pushed <- err
	})
	return sh, s.follow(ctx, sh, pushed)
}

// follow tells what becomes of a commit until nothing more does. A push that is refused ends it.
func (s *stage) follow(ctx context.Context, sh *shipment, pushed <-chan error) error {
	tick := time.NewTicker(s.look)
	defer tick.Stop()
	for !sh.over() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-pushed:
			if pushed = nil; err != nil {
				return err
			}
		case ev := <-s.feed.events:
			scenes, err := sh.see(ev)
			if err != nil {
				return err
			}
			for _, scene := range scenes {
				s.tell(scene)
			}
		case <-tick.C:
			s.evidence(ctx, sh)
		}
	}
	if sh.failed != "" {
		return fault.Conflict("%s: %s", sh.subject, sh.failed)
	}
	return nil
}

// evidence tells how a watched rollout stands.
func (s *stage) evidence(ctx context.Context, sh *shipment) {
	if sh.rollout == "" {
		return
	}
	r, err := s.client.Rollout(ctx, appName, sh.rollout)
	if err != nil || r.Value.State != "watching" || len(r.Value.Vitals) == 0 {
		return // there is another look
	}
	v := r.Value.Vitals[0]
	for _, other := range r.Value.Vitals {
		if other.Log10E-other.Log10Threshold > v.Log10E-v.Log10Threshold {
			v = other
		}
	}
	s.tell(Scene{
		Type: "evidence", Story: sh.story, State: r.Value.State, Verdict: r.Value.Verdict, Share: r.Value.Share,
		Text: fmt.Sprintf("    %d requests on the new release; %s", r.Value.RequestsNew, stand(v)),
	})
}

// stand is how one vital stands, in words.
func stand(v apiclient.Vital) string {
	if v.New.Events+v.Old.Events == 0 {
		return "nothing has gone wrong on either release yet"
	}
	text := fmt.Sprintf("%s: %d there, %d on the old one", label(v), v.New.Events, v.Old.Events)
	if v.Ratio > 0 {
		text += fmt.Sprintf(", %.2g times the rate", v.Ratio)
	}
	return text + fmt.Sprintf("; evidence 10^%.1f of 10^%.1f", v.Log10E, v.Log10Threshold)
}

func label(v apiclient.Vital) string {
	if v.Label != "" {
		return v.Label
	}
	return v.Name
}
