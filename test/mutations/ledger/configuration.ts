import type { Chapter } from "../mutation.ts";

export const configuration: Chapter = {
  title: "Configuration",
  promises: [
    {
      promise: "Secrets print as `[secret]` everywhere.",
      mutations: [
        {
          file: "src/core/secret.ts",
          find: 'toJSON: () => "[secret]" as const,',
          replace: "toJSON: () => text as never,",
          test: "test/config/secrets.test.ts",
          named: "a secret prints as [secret] wherever settings are printed",
        },
      ],
    },
  ],
};
