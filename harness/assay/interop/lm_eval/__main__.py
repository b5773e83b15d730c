"""`python -m assay.interop.lm_eval …`: lm-eval's command line, with the model `assay` registered."""

from lm_eval.__main__ import cli_evaluate

from assay.interop.lm_eval import model

if __name__ == "__main__":
    model.register()
    cli_evaluate()
