"""Plans jobs: their effects and costs before submission."""
