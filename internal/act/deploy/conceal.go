package deploy

import (
	"context"

	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/wire"
)

// conceal takes the secrets of each release out of what a host quotes of it: a process that cannot reach its database likes to print the whole address.
func (s *Service) conceal(ctx context.Context, rep wire.Report) error {
	for _, env := range rep.Environments {
		for i := range env.Releases {
			r := &env.Releases[i]
			texts := []*string{&r.Text}
			for p := range r.Processes {
				texts = append(texts, &r.Processes[p].Text)
			}
			if err := s.concealIn(ctx, r.Release, texts); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Service) concealIn(ctx context.Context, release string, texts []*string) error {
	for _, text := range texts {
		if *text == "" {
			continue
		}
		r, err := releaseByID(ctx, s.db, release)
		if fault.Is(err, fault.CodeNotFound) {
			return nil // its secrets are not ours
		}
		if err != nil {
			return err
		}
		if *text, err = s.vault.Conceal(ctx, s.db, r.app, r.env, r.config, *text); err != nil {
			return err
		}
	}
	return nil
}
