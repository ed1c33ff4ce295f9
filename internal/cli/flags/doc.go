// Package flags are the commands of slipway flag, slipway switch and slipway sample: what django-waffle's command line can do, and what there is beside.
//
//	slipway flag set NAME --percent 10 ──apiclient──> the API's state of one environment, changed in place
//	slipway flag export > flags.yaml; slipway flag apply flags.yaml    flags as code: told first, then done
package flags
