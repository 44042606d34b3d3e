# The payment rules of policies/payments.yaml in Rego, for a layer `opa: {url: …, path: yett/decision}`.
# The input is the decision input of docs/policy.md; whatever this leaves undefined is a deny.
package yett

import rego.v1

known_origin := {"mandate", "prompt", "config", "records", "directory"}

pays if "pay" in input.manifest.does

recipient_known if input.origins.recipient in known_origin

default decision := {"effect": "deny", "reasons": ["nothing allows this call"]}

decision := {"effect": "deny", "reasons": ["the facts are not complete"]} if {
	input.facts.truncated
} else := {"effect": "deny", "reasons": ["money to somebody only untrusted text names, after secrets were read"]} if {
	pays
	input.session.read_untrusted
	input.session.read_secret
	not recipient_known
} else := {"effect": "hold", "approvers": ["treasury"], "reasons": ["a large payment, or to somebody new"]} if {
	pays
	not small_and_known
} else := {"effect": "allow"} if {
	pays
	small_and_known
} else := {"effect": "allow"} if {
	input.manifest.does == ["read"]
}

small_and_known if {
	recipient_known
	is_number(input.arguments.amount)
	input.arguments.amount >= 0
	input.arguments.amount <= 500
}
