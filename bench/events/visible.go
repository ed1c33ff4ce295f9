package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slipwayhq/slipway/bench/rig"
)

// visibleTarget is how long after it was acknowledged an event may be found at the latest, p99.
const visibleTarget = 3 * time.Second

// visible measures, while others send 1,000 events a second, how long after its acknowledgement an event is found by a question: the time until the sequence of the log that it has at most is stored.
func visible(ctx context.Context, r *rig.Rig, s *rig.Server, last time.Duration) error {
	var took []time.Duration
	var both errgroup.Group
	loading, done := context.WithCancel(ctx)
	both.Go(func() error {
		defer done()
		_, err := run(ctx, r, s, load{app: "shop", rate: 1000, batch: 1, senders: 128}, last)
		return err
	})
	both.Go(func() error {
		for loading.Err() == nil {
			state, err := told(ctx, s)
			if err != nil {
				return err
			}
			begin := time.Now()
			for written := state.Written; state.Stored < written; {
				time.Sleep(10 * time.Millisecond)
				if state, err = told(ctx, s); err != nil {
					return err
				}
			}
			took = append(took, time.Since(begin))
		}
		return nil
	})
	if err := both.Wait(); err != nil {
		return err
	}
	if len(took) == 0 {
		return fmt.Errorf("nothing was measured in %s", last)
	}
	slices.Sort(took)
	p99 := took[min(len(took)-1, len(took)*99/100)]
	_, err := fmt.Printf("from the log to where it can be asked for, at 1,000 events a second: p50 %s s, p99 %s s of %d tries (target p99 %s s: %s)\n", rig.Seconds(rig.Median(took)), rig.Seconds(p99), len(took), rig.Seconds(visibleTarget), rig.Verdict(p99 <= visibleTarget))
	return err
}

// position is how far log and store are.
type position struct{ Written, Stored uint64 }

func told(ctx context.Context, s *rig.Server) (p position, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/v1/apps/shop/events/state", strings.NewReader(""))
	if err != nil {
		return p, err
	}
	req.Header.Set("Authorization", "Bearer "+rig.Token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return p, err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err == nil {
		err = json.Unmarshal(raw, &p)
	}
	return p, err
}
