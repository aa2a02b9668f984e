"""Google Cloud Monitoring as a source: accelerators of GKE, TPU VMs and machines with the Ops Agent.

Points are put on a grid of minutes, one for each host (`grid`), so that the metrics of a chip meet, a point is told
once, and what is told depends neither on the order in which points came nor on how time was divided into spans.
"""
