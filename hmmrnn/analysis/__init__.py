"""Analyses of a network, in the order of the paper's argument: one module for each question.

| part of the argument | module | question |
| --- | --- | --- |
| Does it emit what the HMM emits? | `fidelity` | Are the statistics of its long runs those of the HMM? |
| | `matched_distance` | How far are its sequences from the HMM's, paired at least cost? |
| | `decoding` | Which hidden states do its emissions tell, and in which regions is it then? |
| | `hmm_graph` | Which states and transitions has the HMM? |
| | `symbol_statistics` | Do data, the HMM fitted to them and the network have the same statistics? |
| What are its dynamics? | `stability` | Where are its fixed points, and which eigenvalues has its Jacobian there? |
| | `point_search` | Which fixed points attract nothing? |
| | `unstable_directions` | Along which directions does activity leave saddles? |
| | `orbit` | In which plane does it circle, at which phase, and where does it drift? |
| | `regions` | How long does an output last from here: cluster, kick zone or transition? |
| | `state_survey` | Where in the plane is it slow, fast or unstable? |
| | `occupancy_grid` | How often is each place of the plane visited? |
| | `switching` | How often does the output switch, and when again? |
| Where does noise act? | `noise_sensitivity` | How far does noise spread runs that begin in one state? |
| | `noise_sweep` | How do orbit and switches follow the strength of the noise? |
| Which neurons throw the switch? | `leave_rates` | How often is an output left once some neurons are changed? |
| | `kick_search` | Which smallest group of neurons closes an exit? |
| | `kick_neurons` | Which are the kick neurons, and what is the evidence? |
| | `kick_effects` | What does silencing them do, beside groups matched in activity and on other exits? |
| | `circuits` | Which neurons suffice for an exit, and which does it need? |
| | `leave_rate_theory` | Does the noise of a kick group predict the leave rate? |
| Which neurons feed those? | `populations` | Which neurons integrate noise for a kick group, and which are control? |
| | `block_means` | How strongly are all parts connected, on average? |
| | `switch_average` | What do the populations do around a switch? |
| What do interventions do? | `gain_sweep` | How do switches and stability follow the gain of a population? |
| | `published` | What do the paper's own procedures find, step by step? |
| How does it emerge in training? | `emergence` | When does the orbit open? |
| | `formation` | When do a few neurons come to trap the state? |
| What does the readout see? | `readout` | At which angles do the rows of W_out lie to the plane and to each other? |
| What does the page compute at once? | `trajectory_summary` | What do the shown runs do? |
| | `selection_contrast` | How do selected moments differ from the others? |
| | `preview` | What does a network do in its first steps, before it is kept? |
| What do they share? | `numerics` | Progress, threads, means with standard errors, long runs. |
"""
