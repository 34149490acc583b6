"""From a Scenario to results: the stateless core of the dashboard, without Dash or Flask."""
