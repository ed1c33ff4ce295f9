package cli

import (
	"fmt"
	"io"

	"github.com/slipwayhq/slipway/internal/demo"
	"github.com/slipwayhq/slipway/ui"
)

type demoCmd struct {
	Once       bool    `help:"End after the good commit and the bad one. Watch times are scaled down to seconds; free ports are taken."`
	JSON       bool    `name:"json" help:"Print one JSON object a line; the last one is the summary."`
	Listen     string  `help:"Address of the server; default: 127.0.0.1:7070, with --once a free port."`
	EdgeListen string  `help:"Address for visitors; default: 127.0.0.1:7080, with --once a free port."`
	Data       string  `help:"Empty folder to keep everything in; default: a temporary one, removed at the end." type:"path"`
	RPS        float64 `name:"rps" help:"Requests a second that visitors send; default: 600, with --once 900."`
}

// teller tells what happens, and sums it up.
type teller interface {
	demo.Narrator
	Sum(demo.Summary)
}

func newTeller(asJSON bool, out io.Writer) teller {
	if asJSON {
		return &demo.Programs{Out: out}
	}
	return &demo.People{Out: out}
}

func (c *demoCmd) Run(p *program) error {
	tell := newTeller(c.JSON, p.stdout)
	s, err := demo.Run(p.ctx, demo.Options{
		Once: c.Once, Listen: c.Listen, EdgeListen: c.EdgeListen, Dir: c.Data, RPS: c.RPS, Version: programVersion(), UI: ui.Files(), Tell: tell,
	})
	if err != nil {
		return err
	}
	tell.Sum(s)
	if c.Once && !s.OK {
		return &status{code: exitFailed, text: fmt.Sprintf("the demo did not go as it should: good %s and %s, bad %s and %s, %d of %d requests lost",
			s.Good.Verdict, s.Good.Outcome, s.Bad.Verdict, s.Bad.Outcome, s.Lost, s.Requests)}
	}
	return nil
}

type drillCmd struct {
	Data string `help:"Folder of the demo; default: the one that was started last." type:"path"`
	JSON bool   `name:"json" help:"Print one JSON object a line."`
}

func (c *drillCmd) Run(p *program) error {
	return demo.Drill(p.ctx, demo.DrillOptions{Dir: c.Data, Tell: newTeller(c.JSON, p.stdout), Version: programVersion()})
}
