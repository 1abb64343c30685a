import { z } from "zod";
import { fileSchema } from "./schema/file.ts";

/** The JSON Schema (draft 2020-12) of the configuration file, for editors and for checks before a deployment. */
export function configurationSchema(): object {
  const schema = z.toJSONSchema(fileSchema, {
    io: "input",
    target: "draft-2020-12",
    override: ({ jsonSchema }) => {
      const shown = jsonSchema["x-default"];
      if (shown === undefined) return;
      jsonSchema.default = shown as typeof jsonSchema.default;
      delete jsonSchema["x-default"];
    },
  });
  const { $schema, ...rest } = schema;
  return {
    $schema,
    $id: "urn:vestibule:configuration:1",
    title: "Vestibule configuration",
    description: "Every key that an operator can write, with its default. Durations: 500ms, 30s, 10m, 12h, 7d. Sizes: 64KiB, 10MiB.",
    ...rest,
  };
}
